// SPDX-License-Identifier: Apache-2.0
// The subcommands of hpnode as functions: arguments in, exit code out. Answers go to stdout,
// everything else to stderr.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace hp::node {

// Exit codes. new, rekey and run answer 255 to any failure before the node is up, as the original
// does and scripts expect (contract-protocol.md section 3); the rest follow the common table.
inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_timeout = 6;
inline constexpr int exit_not_ready = 7;
inline constexpr int exit_mismatch = 8;
inline constexpr int exit_not_found = 9;
inline constexpr int exit_environment = 13;
inline constexpr int exit_refused = 255;

int command_version(bool json);
int command_new(const std::string& directory);
int command_rekey(const std::string& directory);
int command_vouch(const std::string& directory);
int command_impose(const std::string& directory);
int command_check(const std::string& directory, bool json);
int command_run(const std::string& directory);
int command_status(const std::string& directory, bool json);
int command_ledger_verify(const std::string& directory, bool json);

struct StateOptions {
    std::string what; // ls, cat, tree, hash, diff, verify
    std::string directory;
    std::string path;
    std::optional<std::uint64_t> seq;   // the newest version without
    std::optional<std::uint64_t> since; // diff: the one before without
    bool json = false;
};
int command_state(const StateOptions& options);

} // namespace hp::node
