// SPDX-License-Identifier: Apache-2.0
// The same runs several times over, as the nodes of a cluster make them: each replica is a node
// with a state of its own, what one says by NPL the others hear, and after every run all must have
// the same state and the same outputs. Replicas beyond the UNL are observers. Blocking; one thread
// for each replica while they run.
#pragma once

#include "contract/conditions.hpp"
#include "contract/difference.hpp"

#include <functional>

namespace hp::dev {

struct Divergence {
    std::size_t run = 0;     // which of the runs, from 0
    std::size_t replica = 0; // which differs from the first one
    Difference difference;
};

struct ReplicaPlan {
    std::vector<Conditions> replicas; // at least one
    bool numbered = true;             // each is a node of its own; otherwise all are node 1
    // All at once, each in its own directory, hearing what the others say. Otherwise one after
    // another in the same directory, except for those that vary it.
    bool together = true;
};

struct ReplicaResult {
    std::optional<Divergence> divergence; // after which nothing more was run
    bool uses_npl = false;
    std::vector<TracedCall> calls; // of the replica that differs, or of all
};

// What is asked between runs, about the first replica. False: that is enough.
using OnRun = std::function<bool(std::size_t run, const RunOutcome&, const std::filesystem::path&)>;

Result<ReplicaResult> run_replicas(ContractRunner& runner, const ContractSource& source,
                                   const std::vector<RunOrder>& runs, const ReplicaPlan& plan,
                                   const std::filesystem::path& root, const OnRun& on_run = {});

} // namespace hp::dev
