// SPDX-License-Identifier: Apache-2.0
// The process that watches over one run of a contract. Forked from the launcher's helper; one
// thread. It owns nothing that the contract could want except the directory lock, which keeps a
// restarted node out until the run is dead.
#pragma once

#include "contract/sandbox.hpp"

namespace hp::contract {

// Fixed descriptor numbers in the helper and in supervisors, where the contract has its free 3-9.
// All ten numbers below first_channel_fd are always taken, so that descriptors received next get
// exactly the numbers from first_channel_fd up.
inline constexpr int node_fd = 3;       // helper: requests; supervisor: its run's channel
inline constexpr int signals_fd = 4;    // non-blocking signalfd for SIGCHLD, which is blocked
inline constexpr int first_kept_fd = 5; // the keep_open descriptors, then placeholders
inline constexpr int cgroup_fd = 8; // supervisor: directory of its run's group, or a placeholder
// Supervisor of a run with a view: the socket to its server. Only runs that may not write anywhere
// have landlock rules.
inline constexpr int view_fd = landlock_fd;

struct RunSetup {
    bool has_cgroup = false; // cgroup_fd is the run's group
    bool has_view = false;   // view_fd is the socket of the server behind `fuse`
    int fuse = -1;
    int view_error = 0; // why there is no view, though there should be
};

// To be called in a fresh child of the helper, with the run's channel as node_fd. Whatever is open
// from first_channel_fd up is closed.
[[noreturn]] void run_supervisor(const Sandbox& sandbox, const RunSetup& setup);

} // namespace hp::contract
