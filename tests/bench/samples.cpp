// SPDX-License-Identifier: Apache-2.0
#include "samples.hpp"

#include <algorithm>
#include <cmath>

namespace hp::bench {
namespace {

double ms(std::int64_t us) {
    return static_cast<double>(us) / 1000.0;
}

double standard_deviation_ms(const std::vector<std::int64_t>& durations_us) {
    double sum = 0;
    for (const std::int64_t us : durations_us) {
        sum += ms(us);
    }
    const double mean = sum / static_cast<double>(durations_us.size());
    double squares = 0;
    for (const std::int64_t us : durations_us) {
        squares += (ms(us) - mean) * (ms(us) - mean);
    }
    return std::sqrt(squares / static_cast<double>(durations_us.size()));
}

} // namespace

Summary Samples::summarise() const {
    Summary out;
    if (durations_us_.empty()) {
        return out;
    }
    std::vector<std::int64_t> sorted = durations_us_;
    std::sort(sorted.begin(), sorted.end());
    const auto rank = [&sorted](std::size_t percent) {
        return ms(sorted[(sorted.size() * percent + 99) / 100 - 1]);
    };
    out.count = sorted.size();
    out.min_ms = ms(sorted.front());
    out.median_ms = rank(50);
    out.p90_ms = rank(90);
    out.p99_ms = rank(99);
    out.max_ms = ms(sorted.back());
    out.deviation_ms = standard_deviation_ms(sorted);
    return out;
}

} // namespace hp::bench
