// SPDX-License-Identifier: Apache-2.0
// The web page of a cluster as a process of its own, which its supervisor owns as it owns the
// nodes: the kernel ends it when the supervisor ends. Single-threaded use: the supervisor's thread.
#pragma once

#include "cluster/cluster_file.hpp"
#include "hp/os/fd.hpp"

namespace hp::dev {

struct DashboardProcess {
    int pid = 0; // 0: none
    os::Fd output;
};

Expected<DashboardProcess> start_dashboard(const Cluster& cluster);

// Its address, with the token, as soon as it listens; an error when it does not in `timeout_ms`.
Expected<std::string> read_dashboard_url(DashboardProcess& process, std::int64_t timeout_ms);

} // namespace hp::dev
