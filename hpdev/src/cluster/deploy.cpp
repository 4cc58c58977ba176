// SPDX-License-Identifier: Apache-2.0
#include "cluster/deploy.hpp"

#include "clock.hpp"
#include "cluster/node_folder.hpp"
#include "cluster/node_view.hpp"
#include "hp/base/limits.hpp"
#include "hp/config/contract_dir.hpp"
#include "hp/os/decision_file.hpp"
#include "hp/os/files.hpp"
#include "hp/os/local_socket.hpp"
#include "json_merge.hpp"

#include <algorithm>
#include <unistd.h>
#include <utility>

namespace hp::dev {
namespace {

constexpr std::int64_t order_timeout_ms = 2000;
constexpr LedgerSeq tries_max = 5;
constexpr unsigned copies_kept = 5; // nodes that are behind may still need the last ones
constexpr std::int64_t look_again_ms = 10;

// The part of hp.cfg.override that lies in patch.cfg: what nodes agree on.
Json agreed_part(const Json& override) {
    Json out = Json::object();
    if (!override.contains("contract") || !override["contract"].is_object()) {
        return out;
    }
    for (const auto& [name, value] : override["contract"].items()) {
        if (is_agreed_key("contract." + name) && name != "id" && name != "unl") {
            out[name] = value;
        }
    }
    return out;
}

Json local_part(Json override) {
    if (override.contains("contract") && override["contract"].is_object()) {
        const Json agreed = override["contract"];
        for (const auto& [name, value] : agreed.items()) {
            if (is_agreed_key("contract." + name)) {
                override["contract"].erase(name);
            }
        }
        if (override["contract"].empty()) {
            override.erase("contract");
        }
    }
    return override;
}

Expected<fs::path> next_copy(const Cluster& cluster) {
    unsigned last = 0;
    std::vector<unsigned> numbers;
    std::error_code error;
    for (const auto& item : fs::directory_iterator(cluster.dir / "bundles", error)) {
        const std::string name = item.path().filename();
        if (!name.empty() && name.size() < 9 &&
            name.find_first_not_of("0123456789") == std::string::npos) {
            numbers.push_back(static_cast<unsigned>(std::stoul(name)));
            last = std::max(last, numbers.back());
        }
    }
    for (const unsigned number : numbers) {
        const fs::path path = cluster.dir / "bundles" / std::to_string(number);
        if (number + copies_kept < last && path != cluster.bundle) {
            fs::remove_all(path, error);
        }
    }
    return cluster.dir / "bundles" / std::to_string(last + 1);
}

// What an order puts into the state: what has not changed stays as the contract has made it.
fs::path changed_files(const fs::path& copy) {
    return copy / "changed";
}

Done collect_changes(const DeployPlan& plan) {
    HP_DEV_TRY_STATUS(os::make_directories(changed_files(plan.copy)));
    for (const FileChange& change : plan.changes) {
        if (change.change == "removed") {
            continue;
        }
        const fs::path to = changed_files(plan.copy) / change.path;
        HP_DEV_TRY_STATUS(os::make_directories(to.parent_path()));
        std::error_code error;
        fs::copy(state_files(plan.copy) / change.path, to, fs::copy_options::copy_symlinks, error);
        if (error) {
            return cli::failure(cli::ErrorId::failed,
                                "cannot copy " + change.path + ": " + error.message());
        }
    }
    return {};
}

Json order_json(const DeployPlan& plan, LedgerSeq ledger, const fs::path& decision) {
    Json remove = Json::array();
    for (const FileChange& change : plan.changes) {
        if (change.change == "removed") {
            remove.push_back(change.path);
        }
    }
    Json out = {{"command", "dev.deploy"},
                {"at", ledger},
                {"bundle", changed_files(plan.copy).string()},
                {"remove", std::move(remove)},
                {"decision", decision.string()}};
    if (!plan.patch.empty()) {
        out["patch"] = plan.patch;
    }
    return out;
}

// For a node that is not running: it carries the order out when it gets to that ledger.
Done store_order(const ClusterNode& node, const Json& order) {
    const fs::path path = config::contract_dir(node.dir).dev_deploys();
    const auto text = os::read_file(path, limits::config_bytes_max);
    Json orders = text ? Json::parse(text->begin(), text->end(), nullptr, false) : Json::array();
    if (!orders.is_array()) {
        return cli::failure(cli::ErrorId::bad_file, path.string() + " is not a list of orders");
    }
    orders.push_back(order);
    const std::string out = dump_json(orders);
    HP_DEV_TRY_STATUS(os::replace_file(path, as_bytes(out), 0644));
    return {};
}

// The newest ledger that a node knows.
LedgerSeq newest(const std::vector<NodeView>& views) {
    LedgerSeq out = 0;
    for (const NodeView& view : views) {
        out = std::max(out, view.ledger);
    }
    return out;
}

Expected<os::Fd> send_order(const ClusterNode& node, const Json& order) {
    const fs::path path = config::contract_dir(node.dir).dev_socket();
    auto socket = os::connect_local(path);
    if (!socket) {
        return cli::failure(cli::ErrorId::not_a_dev_node,
                            node.name() + " takes no orders: " + socket.err().context,
                            "its hp.cfg needs dev.enabled, and its hpnode to be built with it");
    }
    const std::string line = dump_json(order) + "\n";
    HP_DEV_TRY_STATUS(os::write_all(socket->get(), as_bytes(line)));
    return std::move(*socket);
}

Done await_answer(const ClusterNode& node, const os::Fd& socket) {
    HP_DEV_TRY(const Bytes text,
               os::read_to_end(socket, limits::dev_order_bytes_max, order_timeout_ms));
    const auto answer = parse_object(as_text(text));
    if (answer && answer->value("ok", false)) {
        return {};
    }
    const std::string why = answer ? answer->value("error", "") : "no answer";
    return cli::failure(cli::ErrorId::failed, node.name() + " refused the order: " + why);
}

// To all at the same time. Whoever does not run carries it out when it gets to that ledger.
Done order_all(const std::vector<NodeView>& views, const Json& order) {
    std::vector<std::pair<const ClusterNode*, os::Fd>> sent;
    for (const NodeView& view : views) {
        if (view.node.has_process()) {
            HP_DEV_TRY(os::Fd socket, send_order(view.node, order));
            sent.emplace_back(&view.node, std::move(socket));
        } else {
            HP_DEV_TRY_STATUS(store_order(view.node, order));
        }
    }
    for (const auto& [node, socket] : sent) {
        HP_DEV_TRY_STATUS(await_answer(*node, socket));
    }
    return {};
}

Done check_answers(const std::vector<NodeView>& views) {
    for (const NodeView& view : views) {
        if (view.node.state == NodeState::paused ||
            (view.node.state == NodeState::running && !view.answers)) {
            return cli::failure(cli::ErrorId::not_synced, view.node.name() + " does not answer now",
                                "hpdev node resume " + std::to_string(view.node.number));
        }
    }
    return {};
}

fs::path decision_file(const DeployPlan& plan, LedgerSeq ledger) {
    return plan.copy / ("decision." + std::to_string(ledger) + "." + std::to_string(::getpid()) +
                        "." + std::to_string(now_mono_ms()));
}

} // namespace

Done order_node(const ClusterNode& node, const Json& order) {
    HP_DEV_TRY(const os::Fd socket, send_order(node, order));
    return await_answer(node, socket);
}

Expected<DeployPlan> plan_deploy(const Cluster& cluster, const fs::path& bundle) {
    DeployPlan out;
    HP_DEV_TRY(out.copy, next_copy(cluster));
    HP_DEV_TRY_STATUS(copy_bundle(bundle, out.copy));
    HP_DEV_TRY(out.changes, compare_copies(cluster.bundle, out.copy));
    HP_DEV_TRY(const Json before, read_override(cluster.bundle));
    HP_DEV_TRY(const Json after, read_override(out.copy));
    if (agreed_part(before) != agreed_part(after)) {
        out.patch = agreed_part(after);
    }
    out.local_settings = local_part(before) != local_part(after);
    if (out.is_empty()) {
        std::error_code ignored;
        fs::remove_all(out.copy, ignored);
        return out;
    }
    HP_DEV_TRY_STATUS(collect_changes(out));
    return out;
}

Expected<DeployPlan> plan_members(const Cluster& cluster, const std::vector<unsigned>& validators) {
    DeployPlan out;
    Json unl = Json::array();
    for (const ClusterNode& node : cluster.nodes) {
        if (std::ranges::find(validators, node.number) != validators.end()) {
            unl.push_back(node.public_key.hex());
        }
    }
    out.copy = cluster.dir / "members";
    out.patch["unl"] = std::move(unl);
    HP_DEV_TRY_STATUS(collect_changes(out));
    return out;
}

// The ledger that is open is taken first. That it may close before every node has the order does no
// harm: the order counts on all of them or on none, and is given again for a later one.
Expected<Deployed> order_deploy(const Cluster& cluster, const DeployPlan& plan) {
    cli::Failure last{cli::ErrorId::failed, "nodes did not wait until all had the order",
                      "hpdev ps says how they are; try again"};
    for (LedgerSeq lead = 1; lead <= tries_max; ++lead) {
        const std::vector<NodeView> views = view_nodes(cluster);
        HP_DEV_TRY_STATUS(check_answers(views));
        Deployed out;
        out.ledger = newest(views) + lead;
        out.in_force = out.ledger + (plan.patch.empty() ? 0 : 1);
        for (const NodeView& view : views) {
            out.old_hash = out.old_hash.empty() ? view.state_hash : out.old_hash;
        }
        const fs::path decision = decision_file(plan, out.ledger);
        const Done given = order_all(views, order_json(plan, out.ledger, decision));
        HP_DEV_TRY(const bool counts, os::decide(decision, given.has_value()));
        if (counts) {
            return out;
        }
        if (!given) {
            last = given.error();
        }
    }
    return tl::unexpected(std::move(last));
}

Done give_own_files(const Cluster& cluster, const DeployPlan& plan) {
    HP_DEV_TRY(const Json override, read_override(plan.copy));
    for (const ClusterNode& node : cluster.nodes) {
        HP_DEV_TRY_STATUS(
            seed_own_files(plan.copy, node.number, config::contract_dir(node.dir).seed()));
        if (plan.local_settings) {
            HP_DEV_TRY_STATUS(edit_config(
                node.dir, [&override](Json& config) { merge_json(config, local_part(override)); }));
        }
    }
    return {};
}

Expected<Deployed> wait_for_deploy(const Cluster& cluster, const Deployed& ordered,
                                   std::int64_t timeout_ms) {
    Deployed out = ordered;
    const LedgerSeq ledger = ordered.in_force;
    const std::int64_t deadline_ms = now_mono_ms() + timeout_ms;
    do {
        bool done = true;
        out.problem.clear();
        for (const NodeView& view : view_nodes(cluster)) {
            if (view.node.state != NodeState::running) {
                continue;
            }
            // One that has taken a later state over from others never runs it.
            const bool has_run =
                !view.running_contract && (view.last_run_ledger >= ledger || view.ledger > ledger);
            done = done && view.answers && has_run;
            out.new_hash = view.state_hash;
            if (!view.last_run.empty() && view.last_run_ledger >= ledger) {
                out.problem = view.node.name() + ": " + view.last_run;
            }
        }
        if (done) {
            return out;
        }
        sleep_ms(look_again_ms);
    } while (now_mono_ms() < deadline_ms);
    return cli::failure(cli::ErrorId::timed_out,
                        "ledger " + std::to_string(ledger) +
                            ", with which the bundle comes, did "
                            "not close in " +
                            std::to_string(timeout_ms) + " ms",
                        "hpdev ps says why; the nodes take the bundle when it closes");
}

} // namespace hp::dev
