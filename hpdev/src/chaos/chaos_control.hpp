// SPDX-License-Identifier: Apache-2.0
// Puts faults into a running cluster and takes them back. Links, contracts and disks: by an order
// to each node (docs/operations.md, development orders), which replaces all it had; processes: by
// the supervisor. What is in force is kept in chaos.json. Blocking; one thread.
#pragma once

#include "chaos/chaos_file.hpp"

namespace hp::dev {

// What a node is told: all faults of its own at once. {"command":"dev.faults",...}; pure.
Json fault_order(const Cluster& cluster, const std::vector<ClusterFault>& faults,
                 const ClusterNode& node);

// What is in force when this comes on top: there is one partition, and one thing wrong with a
// node's contract, at a time. Pure.
std::vector<ClusterFault> with_fault(std::vector<ClusterFault> faults, ClusterFault fault);

// Refuses what is about nodes that do not run. Gives back the fault with its id.
Expected<ClusterFault> begin_fault(const fs::path& cluster_dir, ClusterFault fault);

// Ends the faults with these ids, all when there are none: nodes that are down or frozen because of
// them run again. Gives back what was ended.
Expected<std::vector<ClusterFault>> end_faults(const fs::path& cluster_dir,
                                               const std::vector<unsigned>& ids);

} // namespace hp::dev
