// SPDX-License-Identifier: Apache-2.0
// Somebody else's text on its way to a terminal. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hp::client {

// The first `bytes_max` bytes; whatever is not printable ASCII becomes '?'.
inline std::string printable(std::string_view text, std::size_t bytes_max) {
    std::string out;
    for (const char c : text.substr(0, bytes_max)) {
        out.push_back(c >= 0x20 && c < 0x7f ? c : '?');
    }
    return out;
}

} // namespace hp::client
