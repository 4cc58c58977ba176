// SPDX-License-Identifier: Apache-2.0
// Completion scripts for shells, from the command table. Names of keys and contexts are asked for
// when they are completed. Pure.
#pragma once

#include <string>

namespace hp::cli {

std::string bash_completion();
std::string zsh_completion();
std::string fish_completion();

} // namespace hp::cli
