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
#include <string_view>
#include <vector>

#include "hp/base/ids.hpp"
#include "hp/config/config.hpp"
#include "tracked/written.hpp"

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

class ContractLog;

// Where the contract's stdout and stderr go when contract.log.enable is set.
struct RunLog {
    ContractLog* files = nullptr; // outlives the run
    std::string title;            // make_run_title() or make_read_title()
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
    bool no_new_privs = false; // setuid programs have no effect
    bool tracked = false;      // with a record of what is written, see RunResult::written
    std::optional<RunLog> log; // absent: the node's own stdout and stderr
    bool npl_enabled = false;  // this node may send NPL: UNL member and validator
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

struct NplStats {
    std::uint64_t messages_out = 0; // sent by the contract and passed on
    std::uint64_t bytes_out = 0;
    std::uint64_t messages_in = 0; // put into the contract's socket, its own echoes included
    std::uint64_t bytes_in = 0;
    bool operator==(const NplStats&) const = default;
};

struct RunStats {
    std::int64_t wall_us = 0;     // from the request to start it, or from its document if it was
                                  // started ahead; without post_exec.sh
    std::int64_t cpu_us = 0;      // user and system, of the contract's process and of those it
                                  // waited for
    std::int64_t max_rss_kib = 0; // peak, of the largest of them
    std::uint64_t input_bytes = 0;
    std::uint64_t output_bytes = 0; // messages without their headers
    NplStats npl;
    bool ahead = false; // the process was started before the run (contract.warm_start)
};

// What became of post_exec.sh (contract-protocol.md section 9).
enum class PostExecVerdict : std::uint8_t {
    none,   // it did not run: no such file, a read request, or the run was no success
    done,   // exit code 0: the file is deleted, as part of the state
    again,  // 3 to 125: the file stays and runs again after the next run
    failed, // everything else: the file stays, the outputs of the run are dropped
};

struct PostExecResult {
    PostExecVerdict verdict = PostExecVerdict::none;
    RunEnd end = RunEnd::exited; // meaningful unless `none`, as is the rest
    int code = 0;                // as in RunResult
    std::int64_t wall_us = 0;
    std::int64_t cpu_us = 0;
    std::int64_t max_rss_kib = 0;
    std::optional<tracked::Written> written; // as in RunResult
};

struct RunResult {
    RunEnd end = RunEnd::exited;
    int code = 0; // exit code, signal number; not_started: errno
    // Only users with at least one message, ascending by key. None after stopped and failed, also
    // when it was post_exec.sh that was stopped or could not be run here, and none when it failed.
    std::vector<UserOutputs> outputs;
    RunStats stats;
    PostExecResult post_exec;
    // Of a tracked run: what it and post_exec.sh have written. Empty: not known.
    std::optional<tracked::Written> written;
    std::vector<std::string> notes; // what the contract did wrong, one sentence each, for the log
};

// Any exit code, a command that cannot be executed (the original's exit 1), and SIGINT, which
// nobody but the contract itself sends: the published NodeJS library ends so when it is told to.
bool is_success(const RunResult& result);

// "exit code 7", "killed by signal 11 (SIGSEGV)", "timed out after 2000 ms"...
std::string describe(const RunResult& result);
std::string describe(const PostExecResult& result);
std::string_view to_string(PostExecVerdict verdict);

} // namespace hp::contract
