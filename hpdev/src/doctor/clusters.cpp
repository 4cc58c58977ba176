// SPDX-License-Identifier: Apache-2.0
#include "cluster/launch.hpp"
#include "doctor/doctor.hpp"

namespace hp::dev {
namespace {

using State = cli::Check::State;

// Processes of a cluster that nobody owns any more.
std::string orphans_of(const Cluster& cluster) {
    std::string out;
    for (const ClusterNode& node : cluster.nodes) {
        if (is_alive(node.process)) {
            out += (out.empty() ? "" : ", ") + node.name() + " is process " +
                   std::to_string(node.process.pid);
        }
    }
    return out;
}

cli::Check check_cluster(const Place& place, const std::string& name) {
    const std::string what = "cluster " + name;
    const auto cluster = load_cluster(place.cluster(name));
    if (!cluster) {
        return {what, State::warn, cluster.error().message, "hpdev cluster rm " + name};
    }
    const std::string count = std::to_string(cluster->nodes.size()) + " nodes";
    if (cluster->is_running()) {
        for (const ClusterNode& node : cluster->nodes) {
            if (node.state == NodeState::failed) {
                return {what, State::warn, node.name() + " has ended by itself",
                        "hpdev logs " + std::to_string(node.number) + ", then hpdev node start " +
                            std::to_string(node.number)};
            }
        }
        return {what, State::ok, "running, " + count};
    }
    const std::string orphans = orphans_of(*cluster);
    if (!orphans.empty()) {
        return {what, State::warn, "without a supervisor, but " + orphans,
                "hpdev down --cluster " + name};
    }
    if (cluster->supervisor.pid != 0) {
        return {what, State::warn, "its supervisor did not end in good order",
                "nothing is lost: hpdev up -d goes on with it"};
    }
    return {what, State::ok, "stopped, " + count};
}

} // namespace

void check_clusters(const Place& place, cli::Checks& out) {
    const auto names = list_clusters(place);
    if (!names) {
        out.push_back({"clusters", State::warn, names.error().message, names.error().hint});
        return;
    }
    bool running = false;
    for (const std::string& name : *names) {
        out.push_back(check_cluster(place, name));
        const auto cluster = load_cluster(place.cluster(name));
        running = running || (cluster && cluster->is_running());
    }
    if (names->empty()) {
        out.push_back({"clusters", State::ok, "none in " + place.root.string()});
    }
    const std::vector<std::string> mounts =
        running ? std::vector<std::string>() : mounts_below(place.home());
    for (const std::string& mount : mounts) {
        out.push_back({mount, State::warn, "no running cluster has it",
                       "umount -l " + mount.substr(mount.find(' ') + 1)});
    }
}

} // namespace hp::dev
