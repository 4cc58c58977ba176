// SPDX-License-Identifier: Apache-2.0
// Durations that were measured, and what is told about them. Plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hp::bench {

struct Summary {
    std::size_t count = 0;
    double min_ms = 0;
    double median_ms = 0;
    double p90_ms = 0;
    double p99_ms = 0;
    double max_ms = 0;
    double deviation_ms = 0; // standard deviation
};

class Samples {
public:
    void reserve(std::size_t count) { durations_us_.reserve(count); }
    void add(std::int64_t duration_us) { durations_us_.push_back(duration_us); }
    std::size_t count() const { return durations_us_.size(); }

    // Percentiles are values that occurred (nearest rank). All zero without samples.
    Summary summarise() const;

private:
    std::vector<std::int64_t> durations_us_;
};

} // namespace hp::bench
