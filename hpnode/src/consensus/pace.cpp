// SPDX-License-Identifier: Apache-2.0
#include "consensus/pace.hpp"

#include <algorithm>

namespace hp::consensus {
namespace {

std::int64_t credit_cap(const Params& params) {
    const std::int64_t offset = params.max_input_ledger_offset;
    return offset == 0 ? params::eager_credits_without_offset
                       : std::max<std::int64_t>(1, offset / 2);
}

} // namespace

Pace::Pace(const Params& params, std::int64_t now_us)
    : round_us_(params.roundtime_ms * 1000), eager_(params.eager), credits_max_(credit_cap(params)),
      credits_(credits_max_), credited_until_us_(now_us), next_idle_us_(now_us) {}

void Pace::change(const Params& params) {
    next_idle_us_ += params.roundtime_ms * 1000 - round_us_;
    round_us_ = params.roundtime_ms * 1000;
    eager_ = params.eager;
    credits_max_ = credit_cap(params);
    credits_ = std::min(credits_, credits_max_);
}

std::int64_t Pace::due_us(std::int64_t now_us, std::optional<std::int64_t> inputs_since_us,
                          bool outputs_wait) const {
    if (!eager_ || (!inputs_since_us && !outputs_wait)) {
        return next_idle_us_;
    }
    std::int64_t due = outputs_wait ? now_us : *inputs_since_us + params::eager_gather_us;
    if (credits_ == 0) {
        due = std::max(due, credited_until_us_ + round_us_);
    }
    return std::min(due, next_idle_us_);
}

void Pace::opened(std::int64_t now_us) {
    accrue(now_us);
    if (now_us < next_idle_us_) {
        credits_ = std::max<std::int64_t>(0, credits_ - 1);
        next_idle_us_ = now_us + round_us_;
        return;
    }
    // On the tick: count from when it was due, so that small delays do not add up. After a long
    // delay (a slow contract) count from now, or a burst of catching-up rounds would follow.
    const bool late = now_us - next_idle_us_ >= round_us_;
    next_idle_us_ = (late ? now_us : next_idle_us_) + round_us_;
}

void Pace::accrue(std::int64_t now_us) {
    const std::int64_t earned = (now_us - credited_until_us_) / round_us_;
    if (earned <= 0) {
        return;
    }
    credited_until_us_ += earned * round_us_;
    credits_ = std::min(credits_max_, credits_ + earned);
}

} // namespace hp::consensus
