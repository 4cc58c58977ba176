// SPDX-License-Identifier: Apache-2.0
// The children of this process, found and killed. For single-threaded child subreapers: every
// orphan below them becomes their child, so that killing children until there are none left
// clears the whole tree.
#pragma once

#include <vector>

#include "hp/base/result.hpp"

namespace hp::contract {

// May miss a child when another one exits meanwhile: call again after every exit.
// Errc::not_found when /proc is missing or the kernel has no CONFIG_PROC_CHILDREN.
Result<std::vector<int>> own_children();

// SIGKILL to every child and, as they become children, to all their descendants; returns when all
// are reaped. `child_exit_fd` is a signalfd for SIGCHLD, which the caller has blocked.
void kill_and_reap_all(int child_exit_fd);

// The same for the first process of a PID namespace, whose kill reaches all others in one step.
void kill_and_reap_namespace();

// Takes pending notifications off a signalfd, so that poll() waits for the next.
void drain_signals(int signal_fd);

} // namespace hp::contract
