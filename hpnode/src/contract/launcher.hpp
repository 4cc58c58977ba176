// SPDX-License-Identifier: Apache-2.0
// Starting contract processes. A Launcher is the handle to a small helper process forked at the
// very start of the program, while it is still single-threaded and small. For each run the helper
// forks a supervisor that is a child subreaper: it starts the contract in its own process group,
// waits for it, then kills every descendant that is left, and reports. When the node's end of a
// run's channel closes for any reason, kill -9 of the node included, the supervisor kills the
// whole tree, so no contract process ever outlives its run (contract-protocol.md tests 41, 42, 76).
//
// Thread rule: start() before any thread exists; spawn() from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "contract/confinement.hpp"
#include "hp/base/result.hpp"
#include "hp/config/config.hpp"
#include "hp/os/fd.hpp"

namespace hp::contract {

// Descriptor numbers the contract sees. 0-2 are stdin, stdout, stderr; channels start at
// first_channel_fd in the order of SpawnRequest::channels. 3-9 stay free for shell redirections.
inline constexpr int first_channel_fd = 10;

// A contract always has room for this many files of its own beside its channels, the same on
// every node whatever the node's own limit is, unless proc_ofd_count says otherwise.
inline constexpr std::size_t contract_files_default = 1024;

struct SpawnRequest {
    std::string state_dir;
    std::string bin_path;
    std::vector<std::string> args;        // without argv[0]
    std::vector<std::string> environment; // "KEY=value", sorted
    config::RoundLimits limits;           // only the proc_* ones are used here
    std::optional<config::RunAs> run_as;
    int stdin_fd = -1;  // all descriptors are borrowed until spawn() returns
    int stdout_fd = -1; // -1: that of this program when the launcher was started
    int stderr_fd = -1;
    std::vector<int> channels; // become first_channel_fd, first_channel_fd + 1, ...
    bool no_new_privs = false; // no setuid programs
    // With no_new_privs: waits where it first wants something of its stdin until
    // Process::release(), as does everything it has started.
    bool hold_stdin = false;
    // Through a view of its own, see Protection::tracking. What was written goes to `written_fd`
    // (tracked::read_written()), which is then needed.
    bool tracked = false;
    int written_fd = -1;
    bool operator==(const SpawnRequest&) const = default;
};

// What failed when a contract could not be started. Only exec can be the contract's own fault.
enum class StartStep : std::uint8_t {
    none,
    supervisor,
    request,
    directory,
    limits,
    identity,
    sandbox,
    hold,
    view,
    exec
};

std::string_view to_string(StartStep step);

struct ExitReport {
    StartStep failed_step = StartStep::none; // none: it ran; else `code` is the errno
    bool signaled = false;
    int code = 0;                 // exit code, signal number, or errno
    std::int64_t cpu_us = 0;      // of the whole process tree
    std::int64_t max_rss_kib = 0; // of its largest process; at least the supervisor's own few MiB

    bool started() const { return failed_step == StartStep::none; }
};

// One running contract. Destroying it kills the whole process tree.
class Process {
public:
    explicit Process(os::Fd channel) : channel_(std::move(channel)) {}

    // Readable when the report is there (or the supervisor is gone).
    int fd() const { return channel_.get(); }

    // For a process with hold_stdin: its document is there.
    void release();
    // SIGTERM to the contract's process group.
    void terminate();
    // SIGKILL to the whole tree; the report follows.
    void kill();

    // Call when fd() is readable. When it returns, with a report or without, nothing of the run is
    // alive any more. Errc::closed: the supervisor was killed and could not report.
    Result<ExitReport> read_report();

private:
    void send_command(char command);

    os::Fd channel_;
};

class Launcher {
public:
    // Forks the helper and waits until it is ready. `keep_open` descriptors (the directory lock)
    // stay open in the helper and its supervisors and are never passed to contracts; at most
    // keep_open_max of them. stdin, stdout and stderr become /dev/null where they are closed.
    static Result<std::unique_ptr<Launcher>> start(const std::vector<int>& keep_open);
    static constexpr std::size_t keep_open_max = 3;

    // Ends the helper. Every Process must be gone by then: the helper waits for the last of its
    // supervisors, and so does this.
    ~Launcher();
    Launcher(const Launcher&) = delete;
    Launcher& operator=(const Launcher&) = delete;

    // For all contracts started from now on; before the first spawn() only. With sandbox strict an
    // error (Errc::unsupported) when anything is not to be had on this machine; else the result
    // says what is.
    Result<Protection> confine(const Confinement& confinement);

    // Returns as soon as the request is handed over; failures to start come with the report.
    // An error here means that this node cannot start anything (out of descriptors, helper gone).
    Result<Process> spawn(const SpawnRequest& request);

    // False once the helper is gone: nothing can be started any more, and a run that ended without
    // a report may never have begun.
    bool is_running() const;

private:
    Launcher(os::Fd channel, int pid) : channel_(std::move(channel)), pid_(pid) {}

    os::Fd channel_; // one packet per run, which the kernel keeps whole: needs no lock
    int pid_ = -1;
};

} // namespace hp::contract
