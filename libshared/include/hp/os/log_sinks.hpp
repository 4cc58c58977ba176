// SPDX-License-Identifier: Apache-2.0
// Where log lines go: stderr and a rotating file, in the layout that existing tooling greps:
// "YYYYMMDD HH:MM:SS.mmm [inf][module] text" in local time (contract-protocol.md section 17). Every
// line is one write to the kernel before write() returns, so a crash of the process loses nothing.
// Line breaks inside a text are followed by four spaces: only records start in column one.
// Disk errors never stop the node: lines are dropped, and counted in the next one that fits.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>

#include "hp/base/log.hpp"
#include "hp/base/result.hpp"

namespace hp::os {

struct LogFileOptions {
    std::filesystem::path path;         // live file; older ones are <stem>.1.<ext> and so on
    std::size_t bytes_per_file_max = 0; // 0: never rotated
    std::size_t files_max =
        0; // including the live one; 0 and 1: the live one starts over when full
};

// At least one of console and file. Creates the live file, not its directory. Thread safe.
Result<std::shared_ptr<LogSink>> make_log_sink(bool console, const LogFileOptions* file);

} // namespace hp::os
