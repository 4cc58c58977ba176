// SPDX-License-Identifier: Apache-2.0
#include "chaos/chaos_control.hpp"

#include "clock.hpp"
#include "cluster/control.hpp"
#include "cluster/deploy.hpp"

#include <algorithm>

namespace hp::dev {
namespace {

constexpr std::int64_t answer_timeout_ms = 20'000;
constexpr std::int64_t listen_timeout_ms = 10'000; // of a node that was just started
constexpr std::int64_t look_again_ms = 50;

bool is_same(const ProcessMark& a, const ProcessMark& b) {
    return a.pid == b.pid && a.start_time == b.start_time;
}

Json link_json(const Cluster& cluster, const ClusterFault& fault, unsigned peer) {
    Json out = {{"peer", cluster.find(peer)->public_key.hex()}};
    if (fault.kind == FaultKind::partition) {
        out["blocked"] = true;
        return out;
    }
    const LinkShape& shape = fault.shape;
    out["latency_ms"] = shape.latency_ms;
    out["jitter_ms"] = shape.jitter_ms;
    out["loss"] = shape.loss;
    out["duplicate"] = shape.duplicate;
    out["bytes_per_second"] = shape.bytes_per_second;
    if (!shape.only.empty()) {
        out["lane"] = shape.only;
    }
    return out;
}

// One that has just been started listens a moment later, and one that has just died is another
// process by then. Gives back which one was told.
Expected<ProcessMark> tell(const Cluster& cluster, const ClusterNode& node, const Json& order) {
    const std::int64_t deadline_ms = now_mono_ms() + listen_timeout_ms;
    ProcessMark process = node.process;
    for (;;) {
        const auto done = order_node(node, order);
        if (done) {
            return process;
        }
        if (done.error().id != cli::ErrorId::not_a_dev_node || now_mono_ms() >= deadline_ms) {
            return tl::unexpected(done.error());
        }
        sleep_ms(look_again_ms);
        HP_DEV_TRY(const Cluster now, load_cluster(cluster.dir));
        const auto same = std::ranges::find(now.nodes, node.number, &ClusterNode::number);
        process = same == now.nodes.end() ? process : same->process;
    }
}

// Every node that was told something before, or has something to be told.
Done tell_all(const Cluster& cluster, ChaosRecord& record) {
    for (const ClusterNode& node : cluster.nodes) {
        if (node.state != NodeState::running) {
            continue; // a frozen one is told when it goes on
        }
        const auto told = record.told.find(node.number);
        const bool knows = told != record.told.end() && is_same(told->second, node.process);
        const Json order = fault_order(cluster, record.faults, node);
        if (knows || order != fault_order(cluster, {}, node)) {
            HP_DEV_TRY(record.told[node.number], tell(cluster, node, order));
        } else {
            record.told[node.number] = node.process;
        }
    }
    return {};
}

Done ask_supervisor(const Cluster& cluster, const char* verb, const std::vector<unsigned>& nodes) {
    if (nodes.empty()) {
        return {};
    }
    HP_DEV_TRY_STATUS(control(cluster, {{"verb", verb}, {"nodes", nodes}}, answer_timeout_ms));
    return {};
}

Done check_running(const Cluster& cluster, const ClusterFault& fault) {
    if (fault.kind == FaultKind::link || fault.kind == FaultKind::partition) {
        return {};
    }
    for (const unsigned number : fault.nodes()) {
        const ClusterNode& node = *cluster.find(number);
        if (node.state != NodeState::running) {
            return cli::failure(cli::ErrorId::no_node,
                                node.name() + " is " + std::string(to_string(node.state)),
                                "hpdev node start " + std::to_string(number) +
                                    "; hpdev chaos list shows what is in force");
        }
    }
    return {};
}

// Its nodes as they are now; others may still hold some of them.
Done bring_back(const fs::path& cluster_dir, const std::vector<ClusterFault>& ended,
                const std::vector<ClusterFault>& kept) {
    HP_DEV_TRY(const Cluster cluster, load_cluster(cluster_dir));
    std::vector<unsigned> start;
    std::vector<unsigned> restart;
    std::vector<unsigned> resume;
    for (const ClusterFault& fault : ended) {
        for (const unsigned number : fault.nodes()) {
            const ClusterNode& node = *cluster.find(number);
            const bool held = std::ranges::any_of(kept, [number](const ClusterFault& other) {
                return other.kind != FaultKind::link && other.kind != FaultKind::partition &&
                       other.kind != FaultKind::contract && other.touches(number);
            });
            if (held) {
                continue;
            }
            if (fault.kind == FaultKind::pause && node.state == NodeState::paused) {
                resume.push_back(number);
            } else if (fault.kind == FaultKind::disk && node.has_process()) {
                restart.push_back(number); // the only way to get rid of it
            } else if ((fault.kind == FaultKind::kill || fault.kind == FaultKind::disk) &&
                       !node.has_process()) {
                start.push_back(number);
            }
        }
    }
    HP_DEV_TRY_STATUS(ask_supervisor(cluster, "node.resume", resume));
    HP_DEV_TRY_STATUS(ask_supervisor(cluster, "node.restart", restart));
    return ask_supervisor(cluster, "node.start", start);
}

} // namespace

Json fault_order(const Cluster& cluster, const std::vector<ClusterFault>& faults,
                 const ClusterNode& node) {
    std::vector<unsigned> all;
    for (const ClusterNode& other : cluster.nodes) {
        all.push_back(other.number);
    }
    Json links = Json::array();
    Json out = {{"command", "dev.faults"}, {"seed", node.number}};
    for (const ClusterFault& fault : faults) {
        for (const auto& [from, to] : directions_of(fault, all)) {
            if (from == node.number) {
                links.push_back(link_json(cluster, fault, to));
            }
        }
        if (fault.kind == FaultKind::contract && fault.touches(node.number)) {
            out["contract"] = to_string(fault.trouble);
            out["slow_ms"] = fault.slow_ms;
        }
        if (fault.kind == FaultKind::disk && fault.touches(node.number)) {
            out["disk"] = "full";
        }
    }
    out["links"] = std::move(links);
    return out;
}

std::vector<ClusterFault> with_fault(std::vector<ClusterFault> faults, ClusterFault fault) {
    for (ClusterFault& other : faults) {
        if (other.kind == fault.kind && fault.kind == FaultKind::partition) {
            other.sets.clear();
        }
        if (other.kind == fault.kind && fault.kind == FaultKind::contract) {
            std::erase_if(other.sets.front(),
                          [&fault](unsigned number) { return fault.touches(number); });
        }
    }
    std::erase_if(faults, [](const ClusterFault& other) { return other.nodes().empty(); });
    faults.push_back(std::move(fault));
    return faults;
}

Expected<ClusterFault> begin_fault(const fs::path& cluster_dir, ClusterFault fault) {
    HP_DEV_TRY(const Cluster cluster, load_cluster(cluster_dir));
    HP_DEV_TRY_STATUS(check_running(cluster, fault));
    HP_DEV_TRY(const os::Fd lock, lock_chaos(cluster));
    HP_DEV_TRY(ChaosRecord record, load_chaos(cluster));
    fault.id = record.next_id++;
    fault.since_ms = now_wall_ms();
    record.faults = with_fault(std::move(record.faults), fault);
    if (fault.kind == FaultKind::kill) {
        HP_DEV_TRY_STATUS(ask_supervisor(cluster, "node.kill", fault.nodes()));
    } else if (fault.kind == FaultKind::pause) {
        HP_DEV_TRY_STATUS(ask_supervisor(cluster, "node.pause", fault.nodes()));
    }
    HP_DEV_TRY(const Cluster now, load_cluster(cluster_dir));
    const Done told = tell_all(now, record);
    HP_DEV_TRY_STATUS(save_chaos(now, record)); // also what only some of them know
    HP_DEV_TRY_STATUS(told);
    return fault;
}

Expected<std::vector<ClusterFault>> end_faults(const fs::path& cluster_dir,
                                               const std::vector<unsigned>& ids) {
    HP_DEV_TRY(const Cluster cluster, load_cluster(cluster_dir));
    HP_DEV_TRY(const os::Fd lock, lock_chaos(cluster));
    HP_DEV_TRY(ChaosRecord record, load_chaos(cluster));
    std::vector<ClusterFault> ended;
    for (const unsigned id : ids) {
        if (std::ranges::find(record.faults, id, &ClusterFault::id) == record.faults.end()) {
            return cli::failure(cli::ErrorId::not_known,
                                "there is no fault " + std::to_string(id) + " in force",
                                "hpdev chaos list");
        }
    }
    std::erase_if(record.faults, [&](const ClusterFault& fault) {
        const bool ends = ids.empty() || std::ranges::find(ids, fault.id) != ids.end();
        if (ends) {
            ended.push_back(fault);
        }
        return ends;
    });
    HP_DEV_TRY_STATUS(bring_back(cluster_dir, ended, record.faults));
    HP_DEV_TRY(const Cluster now, load_cluster(cluster_dir));
    const Done told = tell_all(now, record);
    HP_DEV_TRY_STATUS(save_chaos(now, record));
    HP_DEV_TRY_STATUS(told);
    return ended;
}

} // namespace hp::dev
