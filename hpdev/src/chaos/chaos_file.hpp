// SPDX-License-Identifier: Apache-2.0
// chaos.json beside cluster.json: the faults that were put into a cluster, and which processes of
// its nodes have been told of them, since orders end with the process. It belongs to one run of the
// cluster: that of another supervisor is empty. Blocking file work; one writer at a time (lock).
#pragma once

#include "chaos/fault.hpp"
#include "hp/os/fd.hpp"

#include <map>

namespace hp::dev {

struct ChaosRecord {
    unsigned next_id = 1;
    std::vector<ClusterFault> faults;
    std::map<unsigned, ProcessMark> told; // node -> the process that has its present orders
};

// Without faults that others have ended meanwhile: a killed node was started, a paused one goes on.
Expected<ChaosRecord> load_chaos(const Cluster& cluster);
Done save_chaos(const Cluster& cluster, const ChaosRecord& record);

// Held while a record is read, changed and written. Waits for whoever has it.
Expected<os::Fd> lock_chaos(const Cluster& cluster);

// Nodes that a fault is about but whose process, started since, does not know of it.
std::vector<unsigned> not_told(const Cluster& cluster, const ChaosRecord& record,
                               const ClusterFault& fault);

} // namespace hp::dev
