// SPDX-License-Identifier: Apache-2.0
// Bringing clusters up and down. Blocking; the process that calls run_cluster must have one thread,
// because it forks the supervisor.
#pragma once

#include "cluster/cluster_file.hpp"
#include "cluster/cluster_lock.hpp"
#include "cluster/node_folder.hpp"
#include "cluster/places.hpp"
#include "cluster/ports.hpp"

#include <functional>

namespace hp::dev {

// A line for people about what is going on.
using Notify = std::function<void(const std::string&)>;

struct NewCluster {
    unsigned validators = 3;
    unsigned observers = 0;
    fs::path bundle;  // absolute
    fs::path program; // hpnode
    std::uint16_t user_port = 8081;
    std::uint16_t peer_port = 22861;
    bool in_memory = false;
    Genesis genesis;
};

// Makes the folders of a new cluster; whatever was of that name is gone.
Expected<Cluster> make_cluster(const Place& place, const std::string& name,
                               const NewCluster& wanted, PortReservations& ports);

// Gives nodes new ports where theirs are in use now, and says so.
Done renew_ports(Cluster& cluster, PortReservations& ports, const Notify& notify);

struct Launch {
    bool detached = true; // lives on by itself; otherwise it ends in good order with this process
    bool with_dashboard = true;
};
// Starts the supervisor, and it the nodes and the dashboard. Lock and ports are its own from then
// on.
Expected<Cluster> run_cluster(const Cluster& cluster, ClusterLock lock, PortReservations ports,
                              const Launch& how);

enum class Ready : std::uint8_t { started, synced };
// ErrorId::node_ended when a node dies meanwhile, not_synced when time is up. A silent error as
// soon as `is_interrupted`, which may be empty, says so.
Done wait_until_ready(const Cluster& cluster, Ready ready, std::int64_t timeout_ms,
                      const Notify& notify, const std::function<bool()>& is_interrupted = {});

struct Ended {
    bool was_running = false;
    std::vector<std::string> left; // processes and mounts that should be gone, for people
};
// Ends the supervisor and all nodes and looks whether really nothing of theirs is left. A port is
// free with the last process that had it; who answers there afterwards is somebody else.
Expected<Ended> end_cluster(const Cluster& cluster, std::int64_t timeout_ms);

// "mount /there", for people.
std::vector<std::string> mounts_below(const fs::path& dir);

// Its folder, and those of its nodes if they are elsewhere.
Done remove_cluster(const Cluster& cluster);

// hpnode: `given`, else $HP_HPNODE, else beside this program, else in $PATH.
Expected<fs::path> find_program(const std::string& name, const std::optional<std::string>& given);

} // namespace hp::dev
