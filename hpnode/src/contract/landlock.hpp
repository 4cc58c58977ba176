// SPDX-License-Identifier: Apache-2.0
// Landlock: rules that a process and its descendants cannot take off again, whoever they are. They
// also keep a process from mounting, and from tracing processes without the same rules. Raw system
// calls: Debian 12's C library has no wrappers. Any thread.
#pragma once

#include <string>
#include <vector>

#include "hp/os/fd.hpp"

namespace hp::contract {

// 0 where the kernel has none. Debian 12's kernel has 2, with which truncate() of a file by its
// path is not covered (opening it to truncate is).
int landlock_abi();

struct LandlockPlan {
    std::string node_dir;
    std::vector<std::string> writable; // below node_dir
    std::vector<std::string> readable; // below node_dir; empty: all of it
};

// Rules by which the file system is as before, but below `node_dir` only `writable` can be written
// and only `writable` and `readable` be read. What is made beside the way to node_dir later, such
// as a new directory in "/", is not covered by them and cannot be written.
Result<os::Fd> make_landlock_rules(const LandlockPlan& plan);

// In the process that is to obey; needs no_new_privs or CAP_SYS_ADMIN. Does not allocate.
bool apply_landlock(int rules);

} // namespace hp::contract
