// SPDX-License-Identifier: Apache-2.0
// Users and their inputs from a command line: arguments are one input of the first --user, each
// --input is one more, "NAME: ITEMS" one of somebody else. Blocking: items may name files.
#pragma once

#include "cli/options.hpp"
#include "contract/dry_run.hpp"

namespace hp::dev {

cli::Parsed<std::vector<OrderUser>> take_users(const cli::Args& args);

} // namespace hp::dev
