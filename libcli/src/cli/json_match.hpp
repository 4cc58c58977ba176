// SPDX-License-Identifier: Apache-2.0
// Conditions on what a contract said: "PATH=VALUE". PATH is $, $.name, name.name, $.list[0]; a
// lone "$" is the whole text. VALUE is JSON or, when it is none, text. Pure.
#pragma once

#include "hp/base/bytes.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hp::cli {

struct Match {
    std::vector<std::string> path; // member names and list positions
    std::string value;

    // Content that is no JSON has no members, but is itself a text.
    bool fits(ByteView content) const;
};

std::optional<std::vector<std::string>> parse_json_path(std::string_view text);
std::optional<Match> parse_match(std::string_view text);

// The value at the path as JSON, for messages; absent when there is none.
std::optional<std::string> value_at(ByteView content, const std::vector<std::string>& path);

} // namespace hp::cli
