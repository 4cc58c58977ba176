// SPDX-License-Identifier: Apache-2.0
// Names a process for good: process ids are used again, but not with the same time of start in the
// same boot of the machine. Also what the system tells about a process. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hp::dev {

struct ProcessMark {
    int pid = 0;                  // 0: none
    std::uint64_t start_time = 0; // clock ticks since boot
    std::string boot_id;
};

// Its pid is 0 when there is no such process.
ProcessMark mark_of(int pid);
bool is_alive(const ProcessMark& mark);

// Sends a signal to exactly that process; false when it is gone.
bool signal_process(const ProcessMark& mark, int signal);

struct ProcessUse {
    std::uint64_t rss_kib = 0;
    double cpu_percent = 0; // on average since it was started, as ps(1) shows it
};
ProcessUse use_of(const ProcessMark& mark);

// Those that have `pid` as their parent.
std::vector<int> children_of(int pid);
// These, their children, and so on.
std::vector<ProcessMark> descendants_of(int pid);

} // namespace hp::dev
