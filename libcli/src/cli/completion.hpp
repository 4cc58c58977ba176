// SPDX-License-Identifier: Apache-2.0
// Completion scripts for shells, from the command table. Values that only the machine knows (names
// of keys, of nodes) are asked for when they are completed. Pure.
#pragma once

#include "cli/program.hpp"

#include <string>

namespace hp::cli {

std::string bash_completion(const Program& program);
std::string zsh_completion(const Program& program);
std::string fish_completion(const Program& program);

} // namespace hp::cli
