// SPDX-License-Identifier: Apache-2.0
// What contract processes are kept from, as asked for and as achieved on this machine
// (docs/adr/0006-sandbox.md). Values; any thread.
#pragma once

#include <string>
#include <vector>

#include "hp/config/config.hpp"

namespace hp::contract {

// For all contracts of one launcher.
struct Confinement {
    config::Sandbox sandbox = config::Sandbox::off;
    std::string node_dir;            // absolute
    std::string view;                // below node_dir: the only place that may be written there;
                                     // empty: none, its runs are read-only
    std::vector<std::string> hidden; // below node_dir: of no business to contracts (auto, strict)
    bool track = false;              // runs will want SpawnRequest::tracked
};

// What is in force.
struct Protection {
    bool mounts = false;     // read-only and hidden directories by mounts of their own
    bool processes = false;  // a PID namespace for each run
    bool fresh_proc = false; // /proc shows that namespace
    bool no_network = false;
    bool syscall_filter = false;
    bool cgroup = false;              // a control group for each run
    int landlock_abi = 0;             // 0: not used
    std::vector<std::string> lacking; // asked for, but not to be had here, and why
    bool tracking = false;            // a run's writes to `view` can be recorded (tracked/)
    std::string no_tracking;          // why not, when that was asked for
    bool operator==(const Protection&) const = default;

    // Whether what may not be written cannot be.
    bool keeps_writes_out() const { return mounts || landlock_abi > 0; }
};

// "mounts, pid namespace, landlock 7; lacking: ..."
std::string describe(const Protection& protection);

} // namespace hp::contract
