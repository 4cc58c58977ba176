// SPDX-License-Identifier: Apache-2.0
// The lines of "hpcli cheat". Constants.
#pragma once

#include <span>
#include <string_view>

namespace hp::cli {

struct CheatLine {
    std::string_view topic;
    std::string_view what;
    std::string_view command;
};

std::span<const CheatLine> cheat_lines();

} // namespace hp::cli
