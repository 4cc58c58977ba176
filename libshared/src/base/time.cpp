// SPDX-License-Identifier: Apache-2.0
#include "hp/base/time.hpp"

#include <chrono>

namespace hp {

Instant SystemClock::now() const {
    using namespace std::chrono;
    const auto mono = steady_clock::now().time_since_epoch();
    const auto wall = system_clock::now().time_since_epoch();
    return {duration_cast<microseconds>(mono).count(), duration_cast<milliseconds>(wall).count()};
}

} // namespace hp
