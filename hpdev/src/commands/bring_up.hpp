// SPDX-License-Identifier: Apache-2.0
// What up and deploy have in common: a cluster made or gone on with, and running. Blocking; the
// process must have one thread (launch.hpp).
#pragma once

#include "cli/args.hpp"
#include "cluster/launch.hpp"

#include <functional>
#include <string>
#include <vector>

namespace hp::dev {

struct ClusterWanted {
    NewCluster fresh;
    Launch how;
    bool start_over = false;
    bool tell_phases = true;     // false: the command does that itself
    bool becomes_current = true; // what commands mean that name no cluster
    Ready ready = Ready::synced;
    std::int64_t ready_timeout_ms = 30'000;
    std::function<bool()> is_interrupted; // may be empty: signals end the process
    std::string name;
    // Given by the user, and about a new cluster only: they must fit one that is there already.
    std::vector<std::string> genesis_options;
};

// From the environment and those options of `up` that the command has.
Expected<NewCluster> read_new(const cli::Args& args, const Place& place);

// The same with what up has beside it.
Expected<ClusterWanted> read_wanted(const cli::Args& args, const Place& place);

// Starts what is not running; tells about its phases. Gives back the cluster as it runs.
Expected<Cluster> bring_up(const cli::Args& args, const Place& place, ClusterWanted& wanted);

} // namespace hp::dev
