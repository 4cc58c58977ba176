// SPDX-License-Identifier: Apache-2.0
// Time as the development kit needs it. Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <thread>

namespace hp::dev {

inline std::int64_t now_mono_ms() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

inline std::int64_t now_wall_ms() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

inline void sleep_ms(std::int64_t duration_ms) {
    std::this_thread::sleep_for(std::chrono::milliseconds(duration_ms));
}

} // namespace hp::dev
