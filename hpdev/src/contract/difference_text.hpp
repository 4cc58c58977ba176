// SPDX-License-Identifier: Apache-2.0
// Differences, for people and as members of a JSON document. Pure.
#pragma once

#include "cli/json_writer.hpp"
#include "contract/difference.hpp"

namespace hp::dev {

// "first difference  state/winner.txt  offset 0, 18 and 17 bytes" and what is there.
std::string difference_text(const Difference& difference, const std::string& indent);
void add_difference(cli::JsonObject& out, const Difference& difference);

} // namespace hp::dev
