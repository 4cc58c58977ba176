// SPDX-License-Identifier: Apache-2.0
// Help texts, the manual page and shell completions. Pure.
#pragma once

#include "cli/program.hpp"

#include <string>

namespace CLI {
class App;
}

namespace hp::cli {

// The groups that options are put into.
inline constexpr const char* shared_group = "Shared";
inline constexpr const char* global_group = "Global";
inline constexpr const char* own_group = "Options";

// `all`: with every option, and for the whole program with the error codes.
std::string root_help(const Program& program, const CLI::App& root, bool all);
// What is in a group of commands, such as "node".
std::string group_help(const Program& program, const std::string& group);
std::string command_help(const Program& program, const CLI::App& root, const CLI::App& app,
                         const CommandInfo& info, bool all);

} // namespace hp::cli
