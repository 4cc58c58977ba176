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

// To be called in a fresh child of the helper, with the run's channel as node_fd and nothing open
// from first_channel_fd up. `has_cgroup`: cgroup_fd is the run's group.
[[noreturn]] void run_supervisor(const Sandbox& sandbox, bool has_cgroup);

} // namespace hp::contract
