// SPDX-License-Identifier: Apache-2.0
#include "commands/temporary_cluster.hpp"

#include "commands/bring_up.hpp"

#include <unistd.h>

namespace hp::dev {
namespace {

constexpr std::int64_t stop_timeout_ms = 3000;
constexpr std::int64_t ready_timeout_ms = 60'000;
constexpr std::string_view name_head = "temporary-";

void remove_one(const fs::path& dir) {
    if (const auto cluster = load_cluster(dir)) {
        (void)end_cluster(*cluster, stop_timeout_ms);
        (void)remove_cluster(*cluster);
    }
    std::error_code ignored;
    fs::remove_all(dir, ignored);
}

// Left by commands that were killed: their processes have ended with them, the folders have not.
void remove_stale(const Place& place) {
    const auto names = list_clusters(place);
    for (const std::string& name : names ? *names : std::vector<std::string>()) {
        const auto cluster = load_cluster(place.cluster(name));
        if (!name.starts_with(name_head) || !cluster || cluster->is_running()) {
            continue;
        }
        if (const auto lock = ClusterLock::acquire(cluster->dir)) { // else somebody is making it
            remove_one(cluster->dir);
        }
    }
}

} // namespace

Expected<std::unique_ptr<TemporaryCluster>>
TemporaryCluster::start(const cli::Args& args, const Place& place, const TemporaryWanted& wanted) {
    remove_stale(place);
    ClusterWanted made;
    made.name = std::string(name_head) + std::to_string(::getpid());
    std::unique_ptr<TemporaryCluster> out(new TemporaryCluster(place.cluster(made.name)));
    HP_DEV_TRY(made.fresh, read_new(args, place));
    made.fresh.validators = wanted.nodes;
    made.fresh.observers = wanted.observers;
    made.fresh.bundle = wanted.bundle;
    if (wanted.roundtime_ms != 0) {
        made.fresh.genesis.roundtime_ms = wanted.roundtime_ms;
    }
    if (wanted.threshold != 0) {
        made.fresh.genesis.threshold = wanted.threshold;
    }
    made.how = {.detached = false, .with_dashboard = false}; // ends with this process
    made.becomes_current = false;
    made.ready_timeout_ms = ready_timeout_ms;
    HP_DEV_TRY_STATUS(bring_up(args, place, made));
    return out;
}

TemporaryCluster::~TemporaryCluster() {
    remove_one(dir_);
}

} // namespace hp::dev
