// SPDX-License-Identifier: Apache-2.0
// One execution of the contract, as values: what goes in (RunSpec) and what came out (RunResult).
// contract-protocol.md sections 6 to 8 give the rules. Values; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hp/base/ids.hpp"
#include "hp/config/config.hpp"

namespace hp::contract {

using SharedBytes = std::shared_ptr<const Bytes>;

struct RunUser {
    PublicKey key;
    std::vector<SharedBytes> inputs; // in consensus order
};

struct RunUnlEntry {
    PublicKey key;
    TimeMs active_on = 0; // wall clock, 0 = never heard
};

// Where the contract's stdout and stderr go when contract.log.enable is set.
struct RunLogFiles {
    std::filesystem::path stdout_file;
    std::filesystem::path stderr_file;
};

struct RunSpec {
    bool readonly = false;
    std::string hp_version;
    std::string contract_id;
    crypto::KeyPair node_keys;
    TimeMs timestamp = 0;         // ledger time, 0 in read-only mode
    std::optional<LedgerId> lcl;  // consensus mode only
    std::vector<RunUser> users;   // ascending by key
    std::vector<RunUnlEntry> unl; // ascending by key

    std::filesystem::path state_dir; // cwd
    std::string bin_path;            // relative to state_dir, or absolute
    std::string bin_args;            // split on single spaces, empty pieces dropped
    std::map<std::string, std::string> environment;
    config::RoundLimits limits;
    std::optional<config::RunAs> run_as;
    std::optional<RunLogFiles> log_files; // absent: the node's own stdout and stderr
    bool npl_enabled = false;             // this node may send NPL: UNL member and validator
};

struct UserOutputs {
    PublicKey key;
    std::vector<Bytes> messages; // in write order, boundaries kept
};

enum class RunEnd : std::uint8_t {
    exited,      // any exit code counts as success (section 6.8)
    signaled,    // killed by a signal: its own crash, a limit
    timed_out,   // exec_timeout reached, whole tree killed
    stopped,     // the node is shutting down; the run must be repeated after restart
    not_started, // could not be executed (missing binary, no permission); counts as exited 1
    failed,      // this node could not run it (descriptors, memory, run_as): says nothing about the
                 // contract, other nodes may have run it; must be repeated. The notes say why
};

struct RunStats {
    std::int64_t wall_us = 0;
    std::int64_t cpu_us = 0;
    std::int64_t max_rss_kib = 0;
    std::uint64_t input_bytes = 0;
    std::uint64_t output_bytes = 0; // messages without their headers
};

struct RunResult {
    RunEnd end = RunEnd::exited;
    int code = 0; // exit code, signal number; not_started: errno
    // Only users with at least one message, ascending by key. None after stopped and failed.
    std::vector<UserOutputs> outputs;
    RunStats stats;
    std::vector<std::string> notes; // what the contract did wrong, one sentence each, for the log
};

// "exit code 7", "killed by signal 11 (SIGSEGV)", "timed out after 2000 ms"...
std::string describe(const RunResult& result);

} // namespace hp::contract
