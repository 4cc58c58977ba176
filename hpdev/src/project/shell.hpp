// SPDX-License-Identifier: Apache-2.0
// Runs the commands of a project and waits for them. What they print goes to standard error, letter
// for letter: standard output is for our answer. They end with this program. Blocking.
#pragma once

#include "cli/options.hpp"

#include <filesystem>

namespace hp::dev {

struct EnvironmentVariable {
    std::string name;
    std::string value;
};

// The exit code; 128 and the signal when one ended it, as in a shell.
cli::Parsed<int> run_in(const std::filesystem::path& folder, const std::vector<std::string>& argv,
                        const std::vector<EnvironmentVariable>& more = {});

// The same for a line of shell.
inline cli::Parsed<int> run_shell(const std::filesystem::path& folder, const std::string& line,
                                  const std::vector<EnvironmentVariable>& more = {}) {
    return run_in(folder, {"/bin/sh", "-c", line}, more);
}

} // namespace hp::dev
