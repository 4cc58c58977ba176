// SPDX-License-Identifier: Apache-2.0
// Help texts, the manual page and shell completions. Pure.
#pragma once

#include "command_table.hpp"

#include <string>

namespace CLI {
class App;
}

namespace hp::cli {

// The groups that the shared options are put into.
inline constexpr const char* connection_group = "Connection";
inline constexpr const char* global_group = "Global";

// `all`: with every option, and for the whole program with the error codes.
std::string root_help(const CLI::App& root, bool all);
std::string command_help(const CLI::App& root, const CLI::App& app, const CommandInfo& info,
                         bool all);

} // namespace hp::cli
