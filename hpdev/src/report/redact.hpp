// SPDX-License-Identifier: Apache-2.0
// Takes out of texts what nobody else may see. Twice: by the names of members, and by the values
// themselves wherever they may turn up, such as in a log. Pure.
#pragma once

#include "cluster/expected.hpp"

#include <string>
#include <vector>

namespace hp::dev {

inline constexpr std::string_view removed_word = "(removed)";

// Values of members whose names speak of secrets, and of environment variables, become
// removed_word. What they were is added to `secrets`.
Json redact_json(const Json& json, std::vector<std::string>& secrets);

// A dashboard's address without its token.
std::string without_token(const std::string& url);

// Each of the secrets, in upper or lower case, becomes removed_word. Those of less than 8 letters
// are left: they would be found everywhere.
std::string redact_text(std::string text, const std::vector<std::string>& secrets);

} // namespace hp::dev
