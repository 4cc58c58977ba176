// SPDX-License-Identifier: Apache-2.0
// Whether this machine can start a contract's program, as far as can be told without starting it:
// it is there and executable, the interpreter of a script is there, a binary is for this machine.
// Reads files; any thread.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace hp::node {

// What speaks against it, each to follow the program's name in a sentence. `bin_path` counts from
// `state_dir`; `environment` is what the contract gets, for scripts that look their interpreter up.
std::vector<std::string> check_program(const std::filesystem::path& state_dir,
                                       const std::string& bin_path,
                                       const std::map<std::string, std::string>& environment);

} // namespace hp::node
