// SPDX-License-Identifier: Apache-2.0
// What up and deploy have in common: a cluster made or gone on with, and running. Blocking; the
// process must have one thread (launch.hpp).
#pragma once

#include "cli/args.hpp"
#include "cluster/launch.hpp"

#include <string>
#include <vector>

namespace hp::dev {

struct ClusterWanted {
    NewCluster fresh;
    bool detached = true;
    bool start_over = false;
    Ready ready = Ready::synced;
    std::int64_t ready_timeout_ms = 30'000;
    std::string name;
    // Given by the user, and about a new cluster only: they must fit one that is there already.
    std::vector<std::string> genesis_options;
};

// From the environment and those options of `up` that the command has.
Expected<NewCluster> read_new(const cli::Args& args, const Place& place);

// Starts what is not running; tells about its phases. Gives back the cluster as it runs.
Expected<Cluster> bring_up(const cli::Args& args, const Place& place, ClusterWanted& wanted);

} // namespace hp::dev
