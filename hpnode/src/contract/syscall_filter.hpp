// SPDX-License-Identifier: Apache-2.0
// A seccomp filter against system calls that contracts have no use for and kernels have had
// trouble with (contract.sandbox strict). They fail with EPERM. Any thread.
#pragma once

#include <vector>

#include <linux/filter.h>

#include "hp/base/result.hpp"

namespace hp::contract {

Result<std::vector<sock_filter>> make_syscall_filter();

// In the process that is to obey; needs no_new_privs or CAP_SYS_ADMIN. Does not allocate.
bool apply_syscall_filter(const std::vector<sock_filter>& filter);

} // namespace hp::contract
