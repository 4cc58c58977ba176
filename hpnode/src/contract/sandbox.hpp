// SPDX-License-Identifier: Apache-2.0
// How one launcher's contracts are confined. Prepared once in the launcher's helper, whose
// supervisors inherit it; each run then only costs what cannot be shared. A Sandbox that was never
// prepared confines nothing. Single-threaded processes only.
#pragma once

#include <sys/types.h>

#include "contract/confinement.hpp"
#include "contract/run_cgroup.hpp"
#include "contract/syscall_filter.hpp"

namespace hp::contract {

// Where helper and supervisors keep the rules; below the contract's first channel.
inline constexpr int landlock_fd = 9;

class Sandbox {
public:
    // Helper, before the first run: namespaces, mounts, rules. What is not to be had here is named
    // in the result; with sandbox strict it is an error (Errc::unsupported), and runs must not be
    // started.
    Result<Protection> prepare(const Confinement& confinement);

    // Helper: like fork(), but with a PID namespace of the run's own where there is one.
    pid_t fork_run() const;
    // Helper: the group of a run, -1 without. The caller closes it.
    int make_cgroup(unsigned run) const { return cgroup_ ? cgroup_->make(run) : -1; }
    void remove_cgroup(unsigned run) const;
    void kill_cgroup(unsigned run) const; // and everything in it

    // Helper: the directory that runs write to.
    const std::string& view() const { return view_; }

    // Supervisor, first of all.
    void enter_run() const;
    // After that, for a run with a view of its own, served behind `fuse`.
    Status cover_view(int fuse) const;
    bool has_own_processes() const { return protection_.processes; }

    // The contract's process, between vfork and exec: these do not allocate, and change nothing of
    // the supervisor's. Before the user changes...
    bool drop_privileges() const;
    // ... and after: whether that has happened.
    bool restrict_self(bool user_changed) const;

private:
    Status prepare_mounts(const Confinement& confinement);
    Status prepare_landlock(const Confinement& confinement);
    void prepare_processes();
    void prepare_tracking();
    void note(std::string_view what, const Error& error);

    Protection protection_;
    std::string view_;
    std::optional<CgroupParent> cgroup_;
    std::vector<sock_filter> filter_;
    std::vector<int> dropped_capabilities_;
    bool no_new_privileges_ = false;
    bool own_mounts_ = false; // each run's mounts end with it
    // RLIMIT_NPROC counts all processes of a user, and never holds root back: it can be had...
    bool limits_processes_ = false; // ... in a user namespace of our own
    bool limits_run_as_ = false;    // ... for the other user of a node that is run by root
};

} // namespace hp::contract
