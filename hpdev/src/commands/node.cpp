// SPDX-License-Identifier: Apache-2.0
// node ...: single nodes of a cluster, with a guard against losing the quorum by mistake; and
// hpdevkit's start, stop and spawn.
#include "commands.hpp"

#include "cli/json_writer.hpp"
#include "cli/options.hpp"
#include "clock.hpp"
#include "cluster/control.hpp"
#include "cluster/deploy.hpp"
#include "cluster/node_folder.hpp"
#include "cluster/node_view.hpp"
#include "commands/bring_up.hpp"
#include "commands/notes.hpp"
#include "hp/config/contract_dir.hpp"

#include <algorithm>
#include <array>

namespace hp::dev {
namespace {

using cli::Args;
using cli::CommandInfo;
using cli::ErrorId;
using cli::OptionInfo;
using cli::Scope;

constexpr std::int64_t default_timeout_ms = 5000;
constexpr std::int64_t answer_extra_ms = 15'000;
constexpr std::int64_t wait_timeout_ms = 30'000;
constexpr std::int64_t look_again_ms = 50;

// --- the guard -----------------------------------------------------------------------------------

// Validators that run now, but for those that are about to be taken away.
std::size_t voters_left(const Cluster& cluster, const std::vector<unsigned>& without) {
    return static_cast<std::size_t>(
        std::ranges::count_if(cluster.nodes, [&without](const ClusterNode& node) {
            return !node.observer && node.state == NodeState::running &&
                   std::ranges::find(without, node.number) == without.end();
        }));
}

// Whoever takes nodes away on purpose says --yes when no ledger can close without them.
Done guard_quorum(const Args& args, const Cluster& cluster, const std::vector<unsigned>& without) {
    const std::size_t before = voters_left(cluster, {});
    const std::size_t after = voters_left(cluster, without);
    const std::size_t quorum = quorum_of(cluster.validators(), cluster.threshold);
    if (args.yes || after == before || after >= quorum || before < quorum) {
        return {};
    }
    return cli::failure(ErrorId::quorum_guard,
                        std::to_string(after) + " of " + std::to_string(cluster.validators()) +
                            " validators would be left, and it takes " + std::to_string(quorum) +
                            " to close a ledger",
                        "--yes does it all the same");
}

// --- waiting for a node --------------------------------------------------------------------------

struct Awaited {
    const char* what;
    bool (*is_there)(const NodeView&);
};

constexpr Awaited answering = { // a paused one does not
    "does not answer yet",
    [](const NodeView& view) { return view.answers || view.node.state == NodeState::paused; }};
constexpr Awaited synced = {"is not synced yet",
                            [](const NodeView& view) { return view.synced && view.ledger > 0; }};

Expected<NodeView> wait_until(const Awaited& awaited, const Args& args, const Cluster& cluster,
                              unsigned number) {
    const std::int64_t deadline_ms = now_mono_ms() + wait_timeout_ms;
    std::int64_t next_note_ms = now_mono_ms() + 2000;
    for (;;) {
        HP_DEV_TRY(const Cluster now, load_cluster(cluster.dir));
        const std::vector<NodeView> views = view_nodes(now);
        const auto found = std::ranges::find_if(
            views, [number](const NodeView& view) { return view.node.number == number; });
        if (found == views.end() || found->node.state == NodeState::failed) {
            return cli::failure(ErrorId::node_ended,
                                "n" + std::to_string(number) + " ended: " +
                                    (found != views.end() && found->node.end ? found->node.end->what
                                                                             : std::string()),
                                "hpdev logs " + std::to_string(number));
        }
        if (awaited.is_there(*found)) {
            return *found;
        }
        if (now_mono_ms() >= deadline_ms) {
            return cli::failure(ErrorId::not_synced,
                                found->node.name() + " runs, but " + awaited.what, "hpdev ps");
        }
        if (now_mono_ms() >= next_note_ms) {
            note(args, found->node.name() + " " + awaited.what + " (ledger " +
                           std::to_string(found->ledger) + ")");
            next_note_ms = now_mono_ms() + 2000;
        }
        sleep_ms(look_again_ms);
    }
}

// --- verbs that the supervisor carries out -------------------------------------------------------

std::string joined(const std::vector<unsigned>& numbers) {
    std::string out;
    for (const unsigned number : numbers) {
        out += (out.empty() ? "n" : ", n") + std::to_string(number);
    }
    return out;
}

cli::Outcome answer(const Args& args, const std::string& did,
                    const std::vector<unsigned>& numbers) {
    if (!args.json) {
        return cli::Answer{joined(numbers) + " " + did + "\n"};
    }
    cli::JsonArray nodes;
    for (const unsigned number : numbers) {
        nodes.add_raw(std::to_string(number));
    }
    return cli::Answer{cli::document(args.schema).add("did", did).add("nodes", nodes).text() +
                       "\n"};
}

struct Verb {
    const char* word; // of the control socket
    const char* did;
    bool takes_away;
    bool awaits_answer = false; // the command is done when users can reach the nodes
};

cli::Outcome carry_out(const Args& args, const Cluster& cluster,
                       const std::vector<unsigned>& numbers, const Verb& verb) {
    std::int64_t timeout_ms = default_timeout_ms;
    HP_DEV_TRY_STATUS(cli::OptionReader(args).duration("timeout", timeout_ms).done(true));
    HP_DEV_TRY_STATUS(control(cluster,
                              {{"verb", verb.word}, {"nodes", numbers}, {"timeout_ms", timeout_ms}},
                              timeout_ms + answer_extra_ms));
    if (verb.awaits_answer) {
        for (const unsigned number : numbers) {
            HP_DEV_TRY_STATUS(wait_until(answering, args, cluster, number));
        }
    }
    return answer(args, verb.did, numbers);
}

cli::Outcome run_verb(const Args& args, const Verb& verb) {
    HP_DEV_TRY(const Cluster cluster, find_running(args));
    HP_DEV_TRY(const std::vector<unsigned> numbers, parse_nodes(cluster, args.arguments.front()));
    if (verb.takes_away) {
        HP_DEV_TRY_STATUS(guard_quorum(args, cluster, numbers));
    }
    return carry_out(args, cluster, numbers, verb);
}

cli::Outcome run_start(const Args& args) {
    return run_verb(args, {"node.start", "started", false, true});
}
cli::Outcome run_stop(const Args& args) {
    return run_verb(args, {"node.stop", "stopped", true});
}
cli::Outcome run_restart(const Args& args) {
    return run_verb(args, {"node.restart", "restarted", false, true});
}
cli::Outcome run_pause(const Args& args) {
    return run_verb(args, {"node.pause", "paused", true});
}
cli::Outcome run_resume(const Args& args) {
    return run_verb(args, {"node.resume", "resumed", false});
}
cli::Outcome run_kill(const Args& args) {
    return run_verb(args, {"node.kill", "killed", true});
}

// A validator that is removed stays in the UNL, where only the contract can take it out.
cli::Outcome run_rm(const Args& args) {
    HP_DEV_TRY(const Cluster cluster, find_running(args));
    HP_DEV_TRY(const std::vector<unsigned> numbers, parse_nodes(cluster, args.arguments.front()));
    HP_DEV_TRY_STATUS(guard_quorum(args, cluster, numbers));
    if (numbers.size() == cluster.nodes.size()) {
        return cli::failure(ErrorId::usage, "that would be all of them", "hpdev down --rm");
    }
    return carry_out(args, cluster, numbers, {"node.rm", "removed", true});
}

// --- adding --------------------------------------------------------------------------------------

cli::Outcome add_observer(const Args& args) {
    HP_DEV_TRY(const Cluster cluster, find_running(args));
    HP_DEV_TRY(const Json added,
               control(cluster, {{"verb", "node.add"}, {"role", "observer"}}, answer_extra_ms));
    const auto number = added.value("node", 0U);
    HP_DEV_TRY(const Cluster now, load_cluster(cluster.dir));
    const ClusterNode* node = now.find(number);
    if (node == nullptr) {
        return cli::failure(ErrorId::failed, "the supervisor has lost the node it added");
    }
    if (!args.options.has("no-wait")) {
        HP_DEV_TRY_STATUS(wait_until(synced, args, now, number));
    }
    if (!args.json) {
        return cli::Answer{node->name() + " added as an observer\nkey    " +
                           node->public_key.hex() + "\nusers  " + node->url() + "\n"};
    }
    cli::JsonObject out = cli::document(args.schema);
    out.add("node", std::uint64_t{number}).add("name", node->name());
    out.add("public_key", node->public_key.hex()).add("url", node->url());
    return cli::Answer{out.add("dir", node->dir.string()).text() + "\n"};
}

// --- who votes -----------------------------------------------------------------------------------

// The nodes that vote when `number` does or no longer does.
std::vector<unsigned> voters_with(const Cluster& cluster, unsigned number, bool votes) {
    std::vector<unsigned> out;
    for (const ClusterNode& node : cluster.nodes) {
        if (node.number == number ? votes : !node.observer) {
            out.push_back(node.number);
        }
    }
    return out;
}

// Whether those of them that run are enough to go on.
Done guard_members(const Args& args, const Cluster& cluster, const std::vector<unsigned>& voters) {
    const auto running =
        static_cast<std::size_t>(std::ranges::count_if(voters, [&cluster](unsigned number) {
            return cluster.find(number)->state == NodeState::running;
        }));
    const std::size_t quorum = quorum_of(voters.size(), cluster.threshold);
    if (voters.empty()) {
        return cli::failure(ErrorId::usage, "somebody has to vote");
    }
    if (running >= quorum || args.yes) {
        return {};
    }
    return cli::failure(ErrorId::quorum_guard,
                        "of " + std::to_string(voters.size()) + " validators it takes " +
                            std::to_string(quorum) + " to close a ledger, and " +
                            std::to_string(running) + " would be running",
                        "hpdev node start; --yes does it all the same");
}

// Its role is read when it starts. A validator that is not in the UNL only follows.
Done change_role(const Cluster& cluster, const ClusterNode& node, const char* role) {
    HP_DEV_TRY_STATUS(
        edit_config(node.dir, [role](Json& config) { config["node"]["role"] = role; }));
    if (node.has_process()) {
        HP_DEV_TRY_STATUS(control(cluster, {{"verb", "node.restart"}, {"nodes", {node.number}}},
                                  answer_extra_ms));
    }
    return {};
}

Expected<Deployed> change_members(const Cluster& cluster, const std::vector<unsigned>& voters) {
    HP_DEV_TRY(const DeployPlan plan, plan_members(cluster, voters));
    HP_DEV_TRY(const Deployed ordered, order_deploy(cluster, plan));
    return wait_for_deploy(cluster, ordered, wait_timeout_ms);
}

cli::Outcome change_vote(const Args& args, bool votes) {
    HP_DEV_TRY(const Cluster cluster, find_running(args));
    HP_DEV_TRY(const std::vector<unsigned> numbers, parse_nodes(cluster, args.arguments.front()));
    const ClusterNode& node = *cluster.find(numbers.front());
    if (numbers.size() != 1 || node.observer != votes) {
        return cli::failure(ErrorId::usage,
                            numbers.size() != 1 ? "one node at a time"
                            : votes             ? node.name() + " is a validator already"
                                                : node.name() + " is an observer already",
                            "hpdev ps");
    }
    const std::vector<unsigned> voters = voters_with(cluster, node.number, votes);
    HP_DEV_TRY_STATUS(guard_members(args, cluster, voters));
    if (votes) { // first it must be able to
        HP_DEV_TRY_STATUS(change_role(cluster, node, "validator"));
        HP_DEV_TRY_STATUS(wait_until(synced, args, cluster, node.number));
    }
    HP_DEV_TRY(const Cluster now, load_cluster(cluster.dir));
    HP_DEV_TRY(const Deployed done, change_members(now, voters));
    HP_DEV_TRY_STATUS(control(now,
                              {{"verb", "node.role"},
                               {"nodes", {node.number}},
                               {"role", votes ? "validator" : "observer"}},
                              answer_extra_ms));
    if (!votes) {
        HP_DEV_TRY_STATUS(change_role(now, node, "observer"));
    }
    const std::string text = tolerance_text(voters.size(), cluster.threshold);
    if (!args.json) {
        return cli::Answer{node.name() + (votes ? " votes" : " votes no more") + " from ledger " +
                           std::to_string(done.in_force) + " on; " + text + "\n"};
    }
    cli::JsonObject out = cli::document(args.schema);
    out.add("node", std::uint64_t{node.number}).add("ledger", done.in_force);
    out.add("validators", voters.size());
    return cli::Answer{out.add("quorum", quorum_of(voters.size(), cluster.threshold)).text() +
                       "\n"};
}

cli::Outcome run_promote(const Args& args) {
    return change_vote(args, true);
}
cli::Outcome run_demote(const Args& args) {
    return change_vote(args, false);
}

// --- configuration -------------------------------------------------------------------------------

cli::Outcome show_config(const Args& args, const ClusterNode& node, const Json& value,
                         const std::string& key) {
    if (!args.json) {
        return cli::Answer{(value.is_string() ? value.get<std::string>() : value.dump(2)) + "\n"};
    }
    cli::JsonObject out = cli::document(args.schema);
    out.add("node", std::uint64_t{node.number}).add("key", key);
    return cli::Answer{out.add("value", dump_json(value)).text() + "\n"};
}

cli::Outcome run_cfg(const Args& args) {
    HP_DEV_TRY(const Cluster cluster, find_cluster(args));
    HP_DEV_TRY(const std::vector<unsigned> numbers, parse_nodes(cluster, args.arguments.front()));
    if (numbers.size() != 1) {
        return cli::failure(ErrorId::usage, "cfg: one node at a time");
    }
    const ClusterNode& node = *cluster.find(numbers.front());
    const std::string text = args.arguments.size() > 1 ? args.arguments[1] : std::string();
    if (text.find('=') != std::string::npos) {
        HP_DEV_TRY(const NodeSetting setting, parse_setting(node.number, text));
        if (setting.key.starts_with("node.p")) {
            return cli::failure(ErrorId::usage, "a node's keys stay as they are",
                                "hpdev node rm and node add give new ones");
        }
        HP_DEV_TRY_STATUS(edit_config(
            node.dir, [&](Json& config) { set_key(config, setting.key, setting.value); }));
        if (node.has_process()) {
            note(args, "takes effect at the next start: hpdev node restart " +
                           std::to_string(node.number));
        }
        return show_config(args, node, setting.value, setting.key);
    }
    HP_DEV_TRY(Json config, read_config(node.dir));
    config["node"].erase("private_key"); // not even by accident in somebody's terminal
    const Json* found = find_key(config, text);
    if (found == nullptr) {
        return cli::failure(ErrorId::not_known, "hp.cfg has no \"" + text + "\"",
                            "docs/configuration.md");
    }
    return show_config(args, node, *found, text);
}

// --- hpdevkit's words ----------------------------------------------------------------------------

cli::Outcome run_start_all(const Args& args) {
    HP_DEV_TRY(const Cluster cluster, find_cluster(args));
    if (cluster.is_running()) {
        HP_DEV_TRY(const std::vector<unsigned> numbers,
                   parse_nodes(cluster, args.arguments.empty() ? "all" : args.arguments.front()));
        return carry_out(args, cluster, numbers, {"node.start", "started", false, true});
    }
    HP_DEV_TRY(const Place place, find_place(args));
    ClusterWanted wanted;
    HP_DEV_TRY(wanted.fresh, read_new(args, place));
    wanted.fresh.program = cluster.program;
    wanted.name = cluster.name;
    HP_DEV_TRY(const Cluster now, bring_up(args, place, wanted));
    HP_DEV_TRY(const std::vector<unsigned> numbers, parse_nodes(now, "all"));
    return answer(args, "started", numbers);
}

// No guard: its tutorials stop nodes to show what happens. But it is said.
cli::Outcome run_stop_all(const Args& args) {
    HP_DEV_TRY(const Cluster cluster, find_running(args));
    HP_DEV_TRY(const std::vector<unsigned> numbers,
               parse_nodes(cluster, args.arguments.empty() ? "all" : args.arguments.front()));
    const std::size_t left = voters_left(cluster, numbers);
    const std::size_t quorum = quorum_of(cluster.validators(), cluster.threshold);
    if (left < quorum) {
        note(args, std::to_string(left) + " validators are left, " + std::to_string(quorum) +
                       " are needed: no ledger closes until they are back");
    }
    return carry_out(args, cluster, numbers, {"node.stop", "stopped", true});
}

constexpr std::array timeout_options = {
    OptionInfo{"--timeout", "DUR", "how long it may take to end by itself (default 5s)"},
};
constexpr std::array add_options = {
    OptionInfo{"--no-wait", "", "come back before the node has caught up"},
};

constexpr std::string_view did_fields = "ok:bool did?:text nodes?:[int]";
constexpr std::string_view vote_fields =
    "ok:bool node?:int ledger?:int validators?:int quorum?:int";
constexpr std::string_view added_fields =
    "ok:bool node?:int name?:text public_key?:key url?:text dir?:text";

constexpr std::array node_table = {
    CommandInfo{"node add", "", 0, 0, Scope::online,
                "Add an observer: a node that follows, without a vote", "hpdev node add",
                "hpdev node add --json | jq -r .public_key", add_options, added_fields,
                add_observer},
    CommandInfo{"node rm", "NODES", 1, 1, Scope::online, "Remove nodes with all they have",
                "hpdev node rm 4", "hpdev node rm observers", timeout_options, did_fields, run_rm},
    CommandInfo{"node start",
                "NODES",
                1,
                1,
                Scope::online,
                "Start nodes that are not running",
                "hpdev node start 2",
                "hpdev node start all",
                {},
                did_fields,
                run_start},
    CommandInfo{"node stop", "NODES", 1, 1, Scope::online, "Stop nodes in good order",
                "hpdev node stop 4", "hpdev node stop 2,3 --yes", timeout_options, did_fields,
                run_stop},
    CommandInfo{"node restart", "NODES", 1, 1, Scope::online, "Stop nodes and start them again",
                "hpdev node restart 2", "hpdev node restart all", timeout_options, did_fields,
                run_restart},
    CommandInfo{"node pause",
                "NODES",
                1,
                1,
                Scope::online,
                "Freeze nodes as they are",
                "hpdev node pause 4",
                "hpdev node pause 2 --yes",
                {},
                did_fields,
                run_pause},
    CommandInfo{"node resume",
                "NODES",
                1,
                1,
                Scope::online,
                "Let paused nodes go on",
                "hpdev node resume 4",
                "hpdev node resume all",
                {},
                did_fields,
                run_resume},
    CommandInfo{"node kill",
                "NODES",
                1,
                1,
                Scope::online,
                "Kill nodes without a warning",
                "hpdev node kill 4",
                "hpdev node kill 1 --yes",
                {},
                did_fields,
                run_kill},
    CommandInfo{"node cfg",
                "NODE [KEY[=VALUE]]",
                1,
                2,
                Scope::online,
                "Show or change a node's hp.cfg",
                "hpdev node cfg 2 log.log_level",
                "hpdev node cfg 2 log.log_level=dbg",
                {},
                "ok:bool node?:int key?:text value?:text",
                run_cfg},
    CommandInfo{"node promote",
                "NODE",
                1,
                1,
                Scope::online,
                "Let an observer vote: it becomes part of the UNL",
                "hpdev node promote 4",
                "hpdev node promote last --json | jq .quorum",
                {},
                vote_fields,
                run_promote},
    CommandInfo{"node demote",
                "NODE",
                1,
                1,
                Scope::online,
                "Take a validator out of the UNL; it goes on as an observer",
                "hpdev node demote 4",
                "hpdev node demote 2 --yes",
                {},
                vote_fields,
                run_demote},
    CommandInfo{"start",
                "[NODES]",
                0,
                1,
                Scope::online,
                "Start nodes, or the whole cluster (hpdevkit's word)",
                "hpdev start",
                "hpdev start 2",
                {},
                did_fields,
                run_start_all},
    CommandInfo{"stop", "[NODES]", 0, 1, Scope::online, "Stop nodes, or all (hpdevkit's word)",
                "hpdev stop", "hpdev stop 2", timeout_options, did_fields, run_stop_all},
    CommandInfo{"spawn", "", 0, 0, Scope::online, "Add an observer (hpdevkit's word)",
                "hpdev spawn", "hpdev spawn --json | jq -r .url", add_options, added_fields,
                add_observer},
};

} // namespace

cli::Commands node_commands() {
    return node_table;
}

} // namespace hp::dev
