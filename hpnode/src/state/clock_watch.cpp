// SPDX-License-Identifier: Apache-2.0
#include "state/clock_watch.hpp"

#include <cerrno>
#include <cstdint>
#include <ctime>
#include <limits>

#include <sys/timerfd.h>
#include <unistd.h>

namespace hp::state {

ClockWatch::ClockWatch() : timer_(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC)) {
    arm();
}

// A timer that never fires, but is cancelled when the clock is set.
void ClockWatch::arm() {
    struct itimerspec never {};
    never.it_value.tv_sec = std::numeric_limits<std::int32_t>::max();
    const int flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
    if (timer_ && timerfd_settime(timer_.get(), flags, &never, nullptr) != 0) {
        timer_.reset();
    }
}

bool ClockWatch::was_set() {
    std::uint64_t ticks = 0;
    if (!timer_ || (read(timer_.get(), &ticks, sizeof ticks) < 0 && errno == ECANCELED)) {
        was_set_ = true;
        arm();
    }
    return was_set_;
}

void ClockWatch::forget() {
    was_set_ = false;
}

} // namespace hp::state
