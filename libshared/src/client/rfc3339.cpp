// SPDX-License-Identifier: Apache-2.0
#include "hp/client/rfc3339.hpp"

#include <array>
#include <ctime>

namespace hp::client {

std::string rfc3339(TimeMs wall_ms) {
    std::time_t seconds = wall_ms / 1000;
    TimeMs rest = wall_ms % 1000;
    if (rest < 0) {
        rest += 1000;
        --seconds;
    }
    std::tm parts{};
    if (gmtime_r(&seconds, &parts) == nullptr) { // the year does not fit
        return std::to_string(seconds) + "s";
    }
    std::array<char, 64> text{};
    const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    const std::string fraction = std::to_string(1000 + rest).substr(1);
    return std::string(text.data(), length) + "." + fraction + "Z";
}

} // namespace hp::client
