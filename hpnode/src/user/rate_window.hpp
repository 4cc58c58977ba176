// SPDX-License-Identifier: Apache-2.0
// Counts something over 60 s windows (user-protocol.md 2.4). The window starts at the first counted
// event and restarts when 60 s have passed. Pure; one owner.
#pragma once

#include <cstdint>

#include "hp/base/time.hpp"

namespace hp::user {

class RateWindow {
public:
    // limit 0: never exceeded.
    explicit RateWindow(std::uint64_t limit) : limit_(limit) {}

    // True when `amount` more makes the count of this window exceed the limit.
    bool add(TimeMs now_mono_ms, std::uint64_t amount) {
        if (limit_ == 0) {
            return false;
        }
        if (count_ == 0 || now_mono_ms - started_ms_ >= window_ms) {
            started_ms_ = now_mono_ms;
            count_ = 0;
        }
        count_ += amount;
        return count_ > limit_;
    }

private:
    static constexpr TimeMs window_ms = 60'000;
    std::uint64_t limit_;
    std::uint64_t count_ = 0;
    TimeMs started_ms_ = 0;
};

} // namespace hp::user
