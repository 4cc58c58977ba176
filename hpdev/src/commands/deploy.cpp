// SPDX-License-Identifier: Apache-2.0
// deploy: another contract for a cluster, in place, by the contract itself, or from the first
// ledger on.
#include "commands.hpp"

#include "cli/confirm.hpp"
#include "cli/json_writer.hpp"
#include "cli/options.hpp"
#include "cluster/control.hpp"
#include "cluster/deploy.hpp"
#include "cluster/node_view.hpp"
#include "cluster/upgrade.hpp"
#include "commands/bring_up.hpp"
#include "commands/follow_logs.hpp"
#include "commands/notes.hpp"

#include <array>
#include <cstdlib>

namespace hp::dev {
namespace {

using cli::Args;
using cli::CommandInfo;
using cli::ErrorId;
using cli::OptionInfo;
using cli::Scope;

constexpr std::int64_t control_timeout_ms = 10'000;
constexpr std::int64_t replaced_timeout_ms = 5000;

std::string counted(std::size_t count, const std::string& what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string changes_text(const std::vector<FileChange>& changes) {
    std::string out = counted(changes.size(), "file") + " changed";
    for (std::size_t i = 0; i < changes.size() && i < 8; ++i) {
        const FileChange& change = changes[i];
        out += (i == 0 ? ": " : ", ") + change.path +
               (change.change == "changed" ? "" : " (" + change.change + ")");
    }
    return out + (changes.size() > 8 ? ", ..." : "");
}

cli::JsonObject answer_json(const Args& args, const Cluster& cluster, const std::string& how,
                            const DeployPlan& plan) {
    cli::JsonArray changes;
    for (const FileChange& change : plan.changes) {
        cli::JsonObject item;
        changes.add_raw(item.add("path", change.path).add("change", change.change).text());
    }
    cli::JsonObject out = cli::document(args.schema);
    out.add("cluster", cluster.name).add("how", how).add("changes", changes);
    return out.add("settings_changed", !plan.patch.empty());
}

cli::Outcome answer_started(const Args& args, const Cluster& cluster) {
    if (args.json) {
        return cli::Answer{answer_json(args, cluster, "fresh", {}).text() + "\n"};
    }
    const std::vector<NodeView> views = view_nodes(cluster);
    return cli::Answer{view_table(views) + view_summary(cluster, views)};
}

// Everything from the start, with as many nodes at the same ports.
cli::Outcome deploy_fresh(const Args& args, const Place& place, const Cluster* old,
                          const fs::path& bundle) {
    ClusterWanted wanted;
    HP_DEV_TRY(wanted.fresh, read_new(args, place));
    wanted.fresh.bundle = bundle;
    wanted.start_over = true;
    HP_DEV_TRY(wanted.name, cluster_name(args, place));
    HP_DEV_TRY_STATUS(check_bundle(bundle));
    if (old != nullptr) {
        HP_DEV_TRY_STATUS(
            cli::confirm(args, "throw the ledger and state of \"" + old->name + "\" away"));
        wanted.fresh.validators = static_cast<unsigned>(old->validators());
        wanted.fresh.observers = static_cast<unsigned>(old->nodes.size() - old->validators());
        wanted.fresh.program = old->program;
        wanted.fresh.genesis.roundtime_ms = old->roundtime_ms;
        wanted.fresh.genesis.threshold = old->threshold;
        wanted.fresh.in_memory = old->nodes.front().dir.parent_path() != old->dir;
        wanted.fresh.user_port = old->nodes.front().user_port;
        wanted.fresh.peer_port = old->nodes.front().peer_port;
        HP_DEV_TRY_STATUS(end_cluster(*old, replaced_timeout_ms));
    }
    HP_DEV_TRY(const Cluster now, bring_up(args, place, wanted));
    return answer_started(args, now);
}

Done check_result(const Cluster& cluster, const Deployed& done) {
    std::vector<NodeView> views = view_nodes(cluster);
    if (!find_divergence(cluster, views).empty()) {
        return cli::failure(ErrorId::states_differ,
                            "the nodes hold different states since the deployment", "hpdev diff");
    }
    return done.problem.empty()
               ? Done()
               : cli::failure(ErrorId::contract_failed,
                              "deployed, but the contract ended badly: " + done.problem,
                              "hpdev logs --contract");
}

cli::Outcome deploy_in_place(const Args& args, const Cluster& cluster, const fs::path& bundle,
                             std::int64_t timeout_ms) {
    HP_DEV_TRY(const DeployPlan plan, plan_deploy(cluster, bundle));
    if (plan.is_empty()) {
        return cli::Answer{args.json ? answer_json(args, cluster, "unchanged", plan).text() + "\n"
                                     : "nothing has changed\n"};
    }
    HP_DEV_TRY(const Deployed ordered, order_deploy(cluster, plan));
    HP_DEV_TRY_STATUS(give_own_files(cluster, plan));
    HP_DEV_TRY_STATUS(control(cluster, {{"verb", "deployed"}, {"bundle", plan.copy.string()}},
                              control_timeout_ms));
    if (plan.local_settings) {
        note(args, "settings of hp.cfg that are each node's own take effect at its next start: "
                   "hpdev node restart all");
    }
    HP_DEV_TRY(const Deployed done, wait_for_deploy(cluster, ordered, timeout_ms));
    HP_DEV_TRY_STATUS(check_result(cluster, done));
    if (args.json) {
        cli::JsonObject out = answer_json(args, cluster, "in_place", plan);
        out.add("ledger", done.ledger).add("old_state_hash", done.old_hash);
        return cli::Answer{out.add("new_state_hash", done.new_hash).text() + "\n"};
    }
    return cli::Answer{"deployed with ledger " + std::to_string(done.ledger) + ", state kept (" +
                       changes_text(plan.changes) +
                       (plan.patch.empty() ? "" : "; settings changed") + ")\nstate " +
                       done.old_hash.substr(0, 8) + " -> " + done.new_hash.substr(0, 8) + "\n"};
}

cli::Outcome answer_upgraded(const Args& args, const Cluster& cluster, const DeployPlan& plan,
                             const Upgraded& done) {
    const Deployed& deployed = done.deployed;
    if (args.json) {
        cli::JsonObject out = answer_json(args, cluster, "through_consensus", plan);
        out.add("old_version", done.old_version).add("new_version", done.new_version);
        out.add("ledger", deployed.ledger).add("old_state_hash", deployed.old_hash);
        return cli::Answer{out.add("new_state_hash", deployed.new_hash).text() + "\n"};
    }
    return cli::Answer{"upgraded from " + done.old_version + " to " + done.new_version +
                       " with ledger " + std::to_string(deployed.ledger) + " (" +
                       changes_text(plan.changes) + ")\nstate " + deployed.old_hash.substr(0, 8) +
                       " -> " + deployed.new_hash.substr(0, 8) + "\n"};
}

// What an upgrade cannot do is not done, and not told as if it were.
void leave_out(const Args& args, DeployPlan& plan) {
    if (!plan.patch.empty() || plan.local_settings) {
        note(args, "hp.cfg.override is not part of an upgrade: settings stay");
        plan.patch = Json::object();
        plan.local_settings = false;
    }
}

cli::Outcome deploy_through_consensus(const Args& args, const fs::path& bundle,
                                      std::int64_t timeout_ms) {
    HP_DEV_TRY(const Cluster cluster, find_running(args));
    HP_DEV_TRY(DeployPlan plan, plan_deploy(cluster, bundle));
    const fs::path copy = plan.copy;
    leave_out(args, plan);
    std::error_code ignored;
    if (plan.is_empty()) {
        fs::remove_all(copy, ignored);
        return cli::Answer{args.json ? answer_json(args, cluster, "unchanged", plan).text() + "\n"
                                     : "nothing has changed\n"};
    }
    const UpgradeWish wish{args.options.text("new-version").value_or(""), args.options.all("key"),
                           timeout_ms};
    const auto done = upgrade_through_consensus(cluster, plan, wish);
    if (!done) {
        fs::remove_all(copy, ignored);
        return tl::unexpected(done.error());
    }
    HP_DEV_TRY_STATUS(
        control(cluster, {{"verb", "deployed"}, {"bundle", copy.string()}}, control_timeout_ms));
    HP_DEV_TRY_STATUS(check_result(cluster, done->deployed));
    return answer_upgraded(args, cluster, plan, *done);
}

Done check_options(const Args& args) {
    const bool through_consensus = args.options.has("through-consensus");
    if (through_consensus && args.options.has("fresh")) {
        return cli::failure(ErrorId::usage, "--fresh and --through-consensus exclude each other");
    }
    for (const char* option : {"key", "new-version"}) {
        if (!through_consensus && args.options.has(option)) {
            return cli::failure(ErrorId::usage, "--" + std::string(option) +
                                                    " has no meaning without --through-consensus");
        }
    }
    return {};
}

cli::Outcome deploy(const Args& args) {
    std::int64_t timeout_ms = 30'000;
    HP_DEV_TRY_STATUS(cli::OptionReader(args).duration("timeout", timeout_ms).done(true));
    HP_DEV_TRY_STATUS(check_options(args));
    HP_DEV_TRY(const Place place, find_place(args));
    std::error_code error;
    const fs::path bundle =
        args.arguments.empty() ? place.bundle() : fs::absolute(args.arguments.front(), error);
    if (args.arguments.empty() && !fs::exists(bundle, error)) {
        return place.is_project ? cli::failure(ErrorId::file_not_found,
                                               "the project has not been built yet", "hpdev build")
                                : cli::failure(ErrorId::no_project,
                                               "there is no project in " + place.root.string(),
                                               "hpdev deploy PATH takes any bundle");
    }
    HP_DEV_TRY_STATUS(check_bundle(bundle));
    if (args.options.has("through-consensus")) {
        return deploy_through_consensus(args, bundle, timeout_ms);
    }
    const auto cluster = find_cluster(args);
    if (!cluster && cluster.error().id != ErrorId::no_cluster) {
        return tl::unexpected(cluster.error());
    }
    if (!cluster || args.options.has("fresh")) {
        return deploy_fresh(args, place, cluster ? &*cluster : nullptr, bundle);
    }
    if (!cluster->is_running()) {
        ClusterWanted wanted;
        HP_DEV_TRY(wanted.fresh, read_new(args, place));
        wanted.fresh.program = cluster->program;
        wanted.name = cluster->name;
        HP_DEV_TRY(const Cluster now, bring_up(args, place, wanted));
        return deploy_in_place(args, now, bundle, timeout_ms);
    }
    return deploy_in_place(args, *cluster, bundle, timeout_ms);
}

// hpdevkit's variable: whose log to go on with. Here only who sets it gets that.
cli::Outcome run_deploy(const Args& args) {
    auto out = deploy(args);
    const char* text = std::getenv("HP_DEFAULT_NODE");
    const auto node = cli::parse_count(text == nullptr ? "" : text);
    if (!out || args.json || !node) {
        return out;
    }
    HP_DEV_TRY(const Cluster cluster, find_running(args));
    HP_DEV_TRY(const std::vector<unsigned> numbers, parse_nodes(cluster, text));
    HP_DEV_TRY_STATUS(cli::write_answer(out->text));
    return follow_logs(args, cluster, numbers.front());
}

constexpr std::array deploy_options = {
    OptionInfo{"--fresh", "", "throw ledger and state away and start over with the bundle"},
    OptionInfo{"--through-consensus", "",
               "as an input, which a contract made with \"new -t upgrader\" carries out itself"},
    OptionInfo{"-k,--key", "NAME...",
               "hpcli's key of an owner: the first sends it, all approve (default: hpcli's)"},
    OptionInfo{"--new-version", "TEXT", "to upgrade to (default: one more: 1.0 to 1.1)"},
    OptionInfo{"--timeout", "DUR", "how long its ledger may take (default 30s)"},
};

constexpr std::array deploy_table = {
    CommandInfo{"deploy", "[PATH]", 0, 1, Scope::online,
                "Give a cluster another contract; ledger and state go on (makes one if need be)",
                "hpdev deploy ./bundle --fresh --yes",
                "hpdev deploy --through-consensus --new-version 2.0 -k alice", deploy_options,
                "ok:bool cluster?:text how?:in_place|through_consensus|fresh|unchanged "
                "settings_changed?:bool changes?:[{path:text change:new|changed|removed}] "
                "old_version?:text new_version?:text ledger?:int old_state_hash?:text "
                "new_state_hash?:text",
                run_deploy},
};

} // namespace

cli::Commands deploy_commands() {
    return deploy_table;
}

} // namespace hp::dev
