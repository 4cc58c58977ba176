// SPDX-License-Identifier: Apache-2.0
// Changes one value of an hpdev.toml and nothing else: comments and order stay. Pure.
#pragma once

#include "cli/options.hpp"

namespace hp::dev {

// `setting` is "key=value" or "table.key=value"; the value is TOML, or else a text. Whether the
// result is a good project is for parse_project to say.
cli::Parsed<std::string> change_setting(std::string_view text, std::string_view setting);

} // namespace hp::dev
