// SPDX-License-Identifier: Apache-2.0
// Runs a program to its end and keeps what it wrote. Blocking; any thread.
#pragma once

#include "cluster/expected.hpp"

#include <string>
#include <utility>
#include <vector>

namespace hp::dev {

struct ProgramResult {
    int exit_code = 0; // 128 and the signal when it was killed
    std::string output, errors;
};

using Environment = std::vector<std::pair<std::string, std::string>>; // in addition to ours

// ErrorId::tool_missing when it cannot be started; failed beyond `output_bytes_max`.
Expected<ProgramResult> run_program(const fs::path& program,
                                    const std::vector<std::string>& arguments,
                                    std::size_t output_bytes_max);

// Starts one, looked up in $PATH, that goes on when we have ended; false when that is impossible.
bool start_apart(const std::vector<std::string>& words);

// With our input and output; gives back its exit code.
Expected<int> pass_through(const fs::path& program, const std::vector<std::string>& arguments,
                           const Environment& more);

} // namespace hp::dev
