// SPDX-License-Identifier: Apache-2.0
// Putting another bundle into a cluster that goes on: every node is ordered to take the files over
// before the contract's run for one and the same ledger (docs/operations.md, development orders),
// so state and ledger stay and the nodes' states stay equal. Blocking; any thread.
#pragma once

#include "cluster/bundle_files.hpp"
#include "cluster/cluster_file.hpp"

#include <string>
#include <vector>

namespace hp::dev {

struct DeployPlan {
    fs::path copy; // of the bundle, in the cluster's folder
    std::vector<FileChange> changes;
    Json patch = Json::object(); // of what nodes agree on
    bool local_settings = false; // hp.cfg changes that take effect at the next start
    bool is_empty() const { return changes.empty() && patch.empty() && !local_settings; }
};

// Compares with what the cluster runs. The copy is made anew each time.
Expected<DeployPlan> plan_deploy(const Cluster& cluster, const fs::path& bundle);

// The contract stays; these nodes are the UNL from then on. The way of contracts that change their
// patch.cfg: in the run for a ledger, agreed on with the next one.
Expected<DeployPlan> plan_members(const Cluster& cluster, const std::vector<unsigned>& validators);

struct Deployed {
    LedgerSeq ledger = 0; // before whose run the files came
    LedgerSeq in_force =
        0; // from whose run on everything is as ordered: patch.cfg is agreed on first
    std::string old_hash, new_hash;
    std::string problem; // how the contract's run ended, when it did not end well
};

// Gives the orders; ledger and old hash are known then. They count on all nodes or, when one of
// them could not take it, on none. ErrorId::not_synced when a node does not answer.
Expected<Deployed> order_deploy(const Cluster& cluster, const DeployPlan& plan);

// What each node has for itself: files beside the state, settings for its next start.
Done give_own_files(const Cluster& cluster, const DeployPlan& plan);

// Until the running nodes have run the new contract once.
Expected<Deployed> wait_for_deploy(const Cluster& cluster, const Deployed& ordered,
                                   std::int64_t timeout_ms);

// Sends one order to a node (dev.deploy, dev.faults).
Done order_node(const ClusterNode& node, const Json& order);

} // namespace hp::dev
