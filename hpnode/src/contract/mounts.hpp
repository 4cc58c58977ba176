// SPDX-License-Identifier: Apache-2.0
// A mount namespace for this process and its future children, and what they see in it. Everybody
// else's view is untouched, and the mounts end with the last of these processes, so that nothing
// stale is ever left behind. For single-threaded processes.
#pragma once

#include <string>

#include "hp/base/result.hpp"

namespace hp::contract {

// Errc::unsupported where the system does not allow it, as do all functions here. Without
// CAP_SYS_ADMIN a user namespace provides it, in which the process keeps its user and group.
Status enter_mount_namespace();
// The same for one run, and only with CAP_SYS_ADMIN.
Status enter_own_mounts();

Status make_read_only(const std::string& directory); // with everything below it on its file system
Status make_writable(const std::string& directory);  // inside one made read-only here
// An empty directory in its place.
Status hide(const std::string& directory);

// Everything read-only, /tmp and /var/tmp empty and private. `kept` stays as it is seen from
// outside, wherever it is.
Status make_system_read_only(const std::string& kept);

// For a process that is the first of a PID namespace: a /proc that shows it. In a mount namespace
// of its own.
Status mount_own_proc();

// A network namespace with nothing but a loopback interface.
Status leave_network();

} // namespace hp::contract
