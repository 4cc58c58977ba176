// SPDX-License-Identifier: Apache-2.0
// up: makes a cluster or goes on with one, and starts its supervisor and nodes.
#include "commands.hpp"

#include "cli/json_writer.hpp"
#include "cli/options.hpp"
#include "clock.hpp"
#include "cluster/bundle_files.hpp"
#include "cluster/deploy.hpp"
#include "cluster/node_view.hpp"
#include "commands/attached.hpp"
#include "commands/bring_up.hpp"
#include "commands/notes.hpp"
#include "hp/os/files.hpp"
#include "project/project.hpp"

#include <arpa/inet.h>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace hp::dev {
namespace {

using cli::Args;
using cli::CommandInfo;
using cli::ErrorId;
using cli::OptionInfo;
using cli::Scope;

constexpr std::int64_t stop_timeout_ms = 5000;
constexpr unsigned nodes_max = 64; // of one machine

std::string seconds(std::int64_t since_ms) {
    std::array<char, 32> out{};
    std::snprintf(out.data(), out.size(), "%.1fs",
                  static_cast<double>(now_mono_ms() - since_ms) / 1000);
    return out.data();
}

// hpdevkit's variables; an option is stronger.
template <class T>
Done from_environment(const char* name, std::uint64_t max, T& to) {
    const char* text = std::getenv(name);
    if (text == nullptr || *text == '\0') {
        return {};
    }
    const auto number = cli::parse_count(text);
    if (!number || *number > max) {
        return cli::failure(ErrorId::usage, std::string(name) + "=" + text +
                                                " is no number from 1 to " + std::to_string(max));
    }
    to = static_cast<T>(*number);
    return {};
}

// What hpdev.toml says about new clusters: weaker than the environment.
Done from_project(const Place& place, NewCluster& out) {
    if (!place.is_project) {
        return {};
    }
    HP_DEV_TRY(const Project project, load_project_at(place.root));
    out.validators = static_cast<unsigned>(project.cluster.nodes);
    if (project.cluster.roundtime_ms != 0) {
        out.genesis.base_roundtime_ms = static_cast<std::uint32_t>(project.cluster.roundtime_ms);
    }
    if (project.cluster.threshold_percent != 0) {
        out.genesis.base_threshold = static_cast<std::uint32_t>(project.cluster.threshold_percent);
    }
    return {};
}

Done read_address(const Args& args, std::string& to) {
    to = args.options.text("bind").value_or(to);
    in_addr parsed{};
    return ::inet_pton(AF_INET, to.c_str(), &parsed) == 1
               ? Done()
               : cli::bad_value("--bind", to, "an IPv4 address such as 127.0.0.1 or 0.0.0.0");
}

} // namespace

Expected<NewCluster> read_new(const Args& args, const Place& place) {
    NewCluster out;
    HP_DEV_TRY_STATUS(from_project(place, out));
    HP_DEV_TRY_STATUS(from_environment("HP_CLUSTER_SIZE", nodes_max, out.validators));
    HP_DEV_TRY_STATUS(from_environment("HP_USER_PORT_BEGIN", 65535, out.user_port));
    HP_DEV_TRY_STATUS(from_environment("HP_PEER_PORT_BEGIN", 65535, out.peer_port));
    std::uint64_t nodes = out.validators;
    std::uint64_t observers = 0;
    std::uint64_t user_port = out.user_port;
    std::uint64_t peer_port = out.peer_port;
    std::uint64_t threshold = 0;
    std::int64_t roundtime_ms = 0;
    HP_DEV_TRY_STATUS(cli::OptionReader(args)
                          .count("nodes", nodes)
                          .number("observers", observers)
                          .count("user-port", user_port)
                          .count("peer-port", peer_port)
                          .count("threshold", threshold)
                          .duration("roundtime", roundtime_ms)
                          .done(true));
    if (nodes + observers > nodes_max || user_port > 65535 || peer_port > 65535 ||
        threshold > 100 || roundtime_ms > 3'600'000) {
        return cli::failure(
            ErrorId::usage,
            "up to " + std::to_string(nodes_max) +
                " nodes, ports up to 65535, a threshold up to 100, an hour's round");
    }
    out.validators = static_cast<unsigned>(nodes);
    out.observers = static_cast<unsigned>(observers);
    out.user_port = static_cast<std::uint16_t>(user_port);
    out.peer_port = static_cast<std::uint16_t>(peer_port);
    out.in_memory = args.options.has("in-memory");
    HP_DEV_TRY_STATUS(read_address(args, out.genesis.address));
    if (threshold != 0) {
        out.genesis.threshold = static_cast<std::uint32_t>(threshold);
    }
    if (roundtime_ms != 0) {
        out.genesis.roundtime_ms = static_cast<std::uint32_t>(roundtime_ms);
    }
    for (const std::string& text : args.options.all("node")) {
        HP_DEV_TRY(NodeSetting setting, parse_node_setting(text));
        out.genesis.settings.push_back(std::move(setting));
    }
    HP_DEV_TRY(out.program, find_program("hpnode", args.options.text("bin")));
    out.bundle = args.options.text("contract").value_or(place.bundle().string());
    return out;
}

Expected<ClusterWanted> read_wanted(const Args& args, const Place& place) {
    ClusterWanted out;
    HP_DEV_TRY(out.fresh, read_new(args, place));
    out.how = {args.options.has("detach"), !args.options.has("no-dashboard")};
    out.start_over = args.options.has("fresh");
    HP_DEV_TRY(out.name, cluster_name(args, place));
    out.name = args.options.text("name").value_or(out.name);
    if (!is_cluster_name(out.name)) {
        return cli::failure(ErrorId::usage, "\"" + out.name + "\" is no name of a cluster",
                            "up to 32 of a-z, 0-9, - and _");
    }
    const std::string ready = args.options.text("ready").value_or("synced");
    if (ready != "synced" && ready != "started") {
        return cli::bad_value("--ready", ready, "synced or started");
    }
    out.ready = ready == "synced" ? Ready::synced : Ready::started;
    HP_DEV_TRY_STATUS(
        cli::OptionReader(args).duration("ready-timeout", out.ready_timeout_ms).done(true));
    for (const char* option : {"nodes", "observers", "threshold", "roundtime", "user-port",
                               "peer-port", "contract", "node", "in-memory", "bind"}) {
        if (args.options.has(option)) {
            out.genesis_options.push_back("--" + std::string(option));
        }
    }
    return out;
}

namespace {

Done check_same_contract(const Cluster& cluster, const fs::path& bundle) {
    std::error_code error;
    HP_DEV_TRY(const DeployPlan plan, plan_deploy(cluster, fs::absolute(bundle, error)));
    if (plan.is_empty()) {
        return {};
    }
    fs::remove_all(plan.copy, error);
    return cli::failure(ErrorId::usage, "\"" + cluster.name + "\" holds another contract",
                        "hpdev deploy " + bundle.string() + " gives it this one");
}

// What a cluster that is there was made with stays; options that say otherwise are refused.
Done check_same(const Cluster& cluster, const ClusterWanted& wanted, const Args& args) {
    const auto differs = [&](const std::string& option) {
        const NewCluster& fresh = wanted.fresh;
        if (option == "--nodes") {
            return fresh.validators != cluster.validators();
        }
        if (option == "--observers") {
            return fresh.observers != cluster.nodes.size() - cluster.validators();
        }
        if (option == "--roundtime") {
            return fresh.genesis.roundtime_ms != cluster.roundtime_ms;
        }
        if (option == "--threshold") {
            return fresh.genesis.threshold != cluster.threshold;
        }
        const ClusterNode& first = cluster.nodes.front();
        if (option == "--user-port" || option == "--peer-port") { // or the next free one
            return first.user_port < fresh.user_port || first.peer_port < fresh.peer_port;
        }
        if (option == "--bind") {
            return first.host != fresh.genesis.address;
        }
        return option != "--in-memory" || first.dir.parent_path() == cluster.dir;
    };
    for (const std::string& option : wanted.genesis_options) {
        if (option == "--contract") {
            HP_DEV_TRY_STATUS(check_same_contract(cluster, wanted.fresh.bundle));
        } else if (differs(option)) {
            return cli::failure(ErrorId::usage,
                                option + " is for a new cluster, and \"" + cluster.name +
                                    "\" is there already",
                                "--fresh starts over");
        }
    }
    if (args.options.has("bin") && cluster.is_running() &&
        cluster.program != wanted.fresh.program) {
        return cli::failure(ErrorId::cluster_exists, "it runs with another hpnode already",
                            "hpdev down first");
    }
    return {};
}

Expected<Cluster> make_or_load(const Args& args, const Place& place, ClusterWanted& wanted,
                               PortReservations& ports) {
    auto existing = load_cluster(place.cluster(wanted.name));
    if (existing && !wanted.start_over) {
        HP_DEV_TRY_STATUS(check_same(*existing, wanted, args));
        existing->program = wanted.fresh.program;
        for (ClusterNode& node : existing->nodes) {
            node.state = NodeState::stopped; // also those that died with their supervisor
            node.process = {};
            node.end.reset();
        }
        HP_DEV_TRY_STATUS(renew_ports(*existing, ports, notifier(args)));
        HP_DEV_TRY_STATUS(save_cluster(*existing));
        return existing;
    }
    if (!existing && existing.error().id != ErrorId::no_cluster && !wanted.start_over) {
        return existing;
    }
    std::error_code error;
    wanted.fresh.bundle = fs::absolute(wanted.fresh.bundle, error);
    return make_cluster(place, wanted.name, wanted.fresh, ports);
}

// The project's other clusters get their own ports back when they are started again.
void avoid_ports_of_others(const Place& place, const std::string& name, PortReservations& ports) {
    const auto names = list_clusters(place);
    for (const std::string& other : names ? *names : std::vector<std::string>()) {
        const auto cluster = load_cluster(place.cluster(other));
        if (other == name || !cluster) {
            continue;
        }
        for (const ClusterNode& node : cluster->nodes) {
            ports.avoid(node.user_port);
            ports.avoid(node.peer_port);
        }
    }
}

// A new cluster needs a contract from somewhere.
Done check_source(const Args& args, const Place& place, const ClusterWanted& wanted) {
    std::error_code ignored;
    if (args.options.has("contract") ||
        (fs::exists(place.cluster(wanted.name) / "cluster.json", ignored) && !wanted.start_over) ||
        fs::exists(wanted.fresh.bundle, ignored)) {
        return {};
    }
    if (place.is_project) {
        return cli::failure(ErrorId::file_not_found, "the project has not been built yet",
                            "hpdev build, or hpdev dev, which does everything");
    }
    return cli::failure(ErrorId::no_project, "there is no project in " + place.root.string(),
                        "hpdev new NAME makes one; --contract PATH runs a bundle without");
}

cli::Outcome show(const Args& args, const Cluster& cluster, bool started) {
    const std::vector<NodeView> views = view_nodes(cluster);
    if (args.json) {
        cli::JsonObject out = cli::document(args.schema);
        return cli::Answer{add_view(out, cluster, views).add("started", started).text() + "\n"};
    }
    return cli::Answer{view_table(views) + view_summary(cluster, views)};
}

} // namespace

Expected<Cluster> bring_up(const Args& args, const Place& place, ClusterWanted& wanted) {
    const std::int64_t begin_ms = now_mono_ms();
    HP_DEV_TRY_STATUS(check_source(args, place, wanted));
    HP_DEV_TRY_STATUS(make_home(place));
    HP_DEV_TRY_STATUS(os::make_directories(place.cluster(wanted.name)));
    HP_DEV_TRY(ClusterLock lock, ClusterLock::acquire(place.cluster(wanted.name)));
    if (lock.stale().pid != 0) {
        note(args, "cleared a stale lock: the supervisor, process " +
                       std::to_string(lock.stale().pid) + ", ended without a word");
    }
    HP_DEV_TRY(PortReservations ports, PortReservations::open());
    avoid_ports_of_others(place, wanted.name, ports);
    HP_DEV_TRY(const Cluster made, make_or_load(args, place, wanted, ports));
    if (wanted.becomes_current) {
        HP_DEV_TRY_STATUS(make_current(place, wanted.name));
    }
    const auto tell = [&](const std::string& phase, const std::string& text) {
        if (wanted.tell_phases) {
            note_phase(args, phase, text);
        }
    };
    tell("cluster", made.name + "  " + made.dir.string());
    HP_DEV_TRY(Cluster out, run_cluster(made, std::move(lock), std::move(ports), wanted.how));
    const auto wait = [&](Ready what) {
        return wait_until_ready(out, what, wanted.ready_timeout_ms, notifier(args),
                                wanted.is_interrupted);
    };
    auto ready = wait(Ready::started);
    if (ready) {
        tell("nodes", std::to_string(out.nodes.size()) + " started  " + seconds(begin_ms));
        if (wanted.ready == Ready::synced) {
            ready = wait(Ready::synced);
        }
    }
    if (!ready) {
        if (ready.error().id == ErrorId::node_ended) { // half a cluster helps nobody
            (void)end_cluster(out, stop_timeout_ms);
        }
        return tl::unexpected(std::move(ready.error()));
    }
    tell("ready", seconds(begin_ms));
    return load_cluster(out.dir);
}

namespace {

cli::Outcome run_up(const Args& args) {
    HP_DEV_TRY(const Place place, find_place(args));
    HP_DEV_TRY(ClusterWanted wanted, read_wanted(args, place));
    auto cluster = load_cluster(place.cluster(wanted.name));
    if (cluster && cluster->is_running()) {
        if (wanted.start_over) {
            return cli::failure(ErrorId::cluster_exists,
                                "the cluster \"" + cluster->name + "\" is running",
                                "hpdev down first; hpdev deploy --fresh keeps its nodes");
        }
        HP_DEV_TRY_STATUS(check_same(*cluster, wanted, args));
        HP_DEV_TRY_STATUS(make_current(place, wanted.name));
        return show(args, *cluster, false);
    }
    cluster = bring_up(args, place, wanted);
    if (!cluster) {
        return tl::unexpected(cluster.error());
    }
    HP_DEV_TRY(const cli::Answer answer, show(args, *cluster, true));
    return wanted.how.detached ? cli::Outcome(answer) : stay_attached(args, *cluster, answer);
}

} // namespace

// Written once: deploy takes the same options when there is no cluster yet.
const std::array<OptionInfo, 17> up_options = {
    OptionInfo{"-n,--nodes", "N",
               "validators of a new cluster (default: $HP_CLUSTER_SIZE, hpdev.toml, or 3)"},
    OptionInfo{"--observers", "N", "further nodes that only follow (default 0)"},
    OptionInfo{"-d,--detach", "", "come back when it is ready; it goes on running"},
    OptionInfo{"--name", "NAME", "of the cluster (default: the current one, or \"default\")"},
    OptionInfo{"--roundtime", "DUR", "of a new cluster's rounds (default: hpdev.toml, or 500ms)"},
    OptionInfo{"--threshold", "PERCENT",
               "of validators that must agree (default: hpdev.toml, or 80)"},
    OptionInfo{"--user-port", "PORT", "first port for users (default 8081 or the next free one)"},
    OptionInfo{"--peer-port", "PORT", "first port among nodes (default 22861 or the next)"},
    OptionInfo{"--bind", "ADDRESS", "where nodes listen (default 127.0.0.1; 0.0.0.0: everywhere)"},
    OptionInfo{"--contract", "PATH", "the bundle to run (default: what hpdev build has made)"},
    OptionInfo{"--no-dashboard", "", "without its web page (hpdev open)"},
    OptionInfo{"--fresh", "", "throw the cluster's ledger and state away and start over"},
    OptionInfo{"--ready", "WHAT", "synced (default) or started: what to wait for"},
    OptionInfo{"--ready-timeout", "DUR", "how long (default 30s)"},
    OptionInfo{"--bin", "PATH", "the hpnode to run (default: $HP_HPNODE, beside hpdev, $PATH)"},
    OptionInfo{"--in-memory", "", "keep a new cluster's nodes in memory; gone after a reboot"},
    OptionInfo{"--node", "K:KEY=VALUE...", "a setting of node K's hp.cfg (2:log.log_level=dbg)"},
};

namespace {

const std::string up_fields = std::string(view_fields) + " started?:bool";

const std::array up_table = {
    CommandInfo{"up", "", 0, 0, Scope::online, "Start a cluster of nodes, or go on with it",
                "hpdev up", "hpdev up -d -n 5 --roundtime 200ms --contract ./bundle", up_options,
                up_fields, run_up},
};

} // namespace

cli::Commands up_commands() {
    return up_table;
}

} // namespace hp::dev
