// SPDX-License-Identifier: Apache-2.0
// Asks before something is removed. Blocking.
#pragma once

#include "cli/args.hpp"

namespace hp::cli {

// On a terminal the user decides; without one only --yes does.
tl::expected<void, Failure> confirm(const Args& args, const std::string& what);

} // namespace hp::cli
