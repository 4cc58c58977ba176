// SPDX-License-Identifier: Apache-2.0
// state ...: the files that nodes have agreed on, read without asking the nodes; diff: which node
// of a cluster holds another state, and where it differs first; ledger: hpcli's, for this cluster.
#include "commands.hpp"

#include "cli/json_writer.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/text_table.hpp"
#include "cluster/launch.hpp"
#include "cluster/node_state.hpp"
#include "cluster/node_view.hpp"
#include "cluster/run_program.hpp"
#include "hp/os/files.hpp"

#include <algorithm>
#include <array>

namespace hp::dev {
namespace {

using cli::Args;
using cli::CommandInfo;
using cli::ErrorId;
using cli::OptionInfo;
using cli::Scope;

constexpr std::size_t shown_differences_max = 20;

Expected<std::optional<LedgerSeq>> read_seq(const Args& args) {
    std::optional<LedgerSeq> out;
    const auto text = args.options.text("seq");
    if (text) {
        out = cli::parse_number(*text);
        if (!out) {
            return cli::bad_value("--seq", *text, "a ledger's number");
        }
    }
    return out;
}

Expected<const ClusterNode*> one_node(const Cluster& cluster, const std::string& text) {
    HP_DEV_TRY(const std::vector<unsigned> numbers, parse_nodes(cluster, text));
    if (numbers.size() != 1) {
        return cli::failure(ErrorId::usage, "\"" + text + "\": one node at a time");
    }
    return cluster.find(numbers.front());
}

// "2:data/x.json"
struct NodePath {
    const ClusterNode* node = nullptr;
    std::string path;
};
Expected<NodePath> parse_node_path(const Cluster& cluster, const std::string& text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos || colon + 1 == text.size()) {
        return cli::failure(ErrorId::usage, "\"" + text + "\" is not NODE:PATH",
                            "for example 1:data/x.json");
    }
    HP_DEV_TRY(const ClusterNode* node, one_node(cluster, text.substr(0, colon)));
    return NodePath{node, text.substr(colon + 1)};
}

// --- ls, cat, pull -------------------------------------------------------------------------------

cli::Outcome run_ls(const Args& args) {
    HP_DEV_TRY(const Cluster cluster, find_cluster(args));
    HP_DEV_TRY(const auto seq, read_seq(args));
    HP_DEV_TRY(const ClusterNode* node, one_node(cluster, args.arguments.front()));
    std::string below = args.arguments.size() > 1 ? args.arguments[1] : std::string();
    HP_DEV_TRY(const StateTree tree, read_state_tree(cluster, *node, seq));
    if (!below.empty() && below.back() != '/') {
        if (!tree.entries.contains(below)) {
            return cli::failure(ErrorId::no_state_file,
                                node->name() + " has no " + below + " in its state");
        }
        below += '/';
    }
    cli::TextTable text({"TYPE", "SIZE", "HASH", "PATH"});
    cli::JsonArray entries;
    for (const auto& [path, entry] : tree.entries) {
        if (!path.starts_with(below) && path + "/" != below) {
            continue;
        }
        text.add({entry.type, std::to_string(entry.size), entry.hash.substr(0, 8), path});
        cli::JsonObject item;
        item.add("path", path).add("type", entry.type).add("size", entry.size);
        entries.add_raw(item.add("hash", entry.hash).text());
    }
    if (!args.json) {
        return cli::Answer{text.text()};
    }
    cli::JsonObject out = cli::document(args.schema);
    out.add("node", std::uint64_t{node->number}).add("ledger", tree.seq);
    return cli::Answer{out.add("state_hash", tree.root).add("entries", entries).text() + "\n"};
}

cli::Outcome run_cat(const Args& args) {
    HP_DEV_TRY(const Cluster cluster, find_cluster(args));
    HP_DEV_TRY(const auto seq, read_seq(args));
    HP_DEV_TRY(const ClusterNode* node, one_node(cluster, args.arguments.front()));
    HP_DEV_TRY(std::string content, read_state_file(cluster, *node, args.arguments[1], seq));
    if (!args.json) {
        return cli::Answer{std::move(content)};
    }
    cli::JsonObject out = cli::document(args.schema);
    out.add("node", std::uint64_t{node->number}).add("path", args.arguments[1]);
    return cli::Answer{out.add_content("content", as_bytes(content)).text() + "\n"};
}

cli::Outcome run_pull(const Args& args) {
    HP_DEV_TRY(const Cluster cluster, find_cluster(args));
    HP_DEV_TRY(const auto seq, read_seq(args));
    HP_DEV_TRY(const NodePath from, parse_node_path(cluster, args.arguments.front()));
    HP_DEV_TRY(const std::string content, read_state_file(cluster, *from.node, from.path, seq));
    std::error_code error;
    fs::path to = args.arguments.size() > 1 ? fs::path(args.arguments[1]) : fs::path(".");
    if (fs::is_directory(to, error)) {
        to /= fs::path(from.path).filename();
    }
    HP_DEV_TRY_STATUS(os::replace_file(fs::absolute(to, error), as_bytes(content), 0644));
    if (!args.json) {
        return cli::Answer{to.string() + "\n"};
    }
    cli::JsonObject out = cli::document(args.schema);
    out.add("path", from.path).add("file", to.string());
    return cli::Answer{out.add("size", content.size()).text() + "\n"};
}

// --- differences ---------------------------------------------------------------------------------

struct Compared {
    std::vector<StateDifference> differences;
    std::optional<ContentDifference> content; // of the first one, when it is a file in both
};

bool is_file(const StateTree& tree, const std::string& path) {
    const auto found = tree.entries.find(path);
    return found != tree.entries.end() &&
           (found->second.type == "file" || found->second.type == "exec");
}

Compared compare(const Cluster& cluster, const ClusterNode& a, const StateTree& first,
                 const ClusterNode& b, const StateTree& second) {
    Compared out;
    out.differences = compare_trees(first, second);
    if (!out.differences.empty()) {
        const std::string& path = out.differences.front().path;
        if (is_file(first, path) && is_file(second, path)) {
            // Nodes that run may have dropped that version meanwhile; the names are still true.
            const auto left = read_state_file(cluster, a, path, first.seq);
            const auto right = read_state_file(cluster, b, path, second.seq);
            if (left && right) {
                out.content = compare_contents(*left, *right);
            }
        }
    }
    return out;
}

std::string compared_text(const Compared& compared, const std::string& a, const std::string& b) {
    std::string out;
    for (std::size_t i = 0; i < compared.differences.size(); ++i) {
        const StateDifference& difference = compared.differences[i];
        if (i == shown_differences_max) {
            return out + "... and " +
                   std::to_string(compared.differences.size() - shown_differences_max) + " more\n";
        }
        out += difference.path + (difference.what == "differs"      ? "  differs"
                                  : difference.what == "only_first" ? "  only in " + a
                                                                    : "  only in " + b);
        if (i == 0 && compared.content) {
            const ContentDifference& content = *compared.content;
            out += " at byte " + std::to_string(content.offset) +
                   (content.json_path.empty() ? "" : ", " + content.json_path) + "\n  " + a + "  " +
                   content.first + "\n  " + b + "  " + content.second;
        }
        out += "\n";
    }
    return out;
}

void add_compared(cli::JsonObject& out, const Compared& compared) {
    cli::JsonArray differences;
    for (const StateDifference& difference : compared.differences) {
        cli::JsonObject item;
        differences.add_raw(item.add("path", difference.path).add("what", difference.what).text());
    }
    out.add("differences", differences);
    if (compared.content) {
        cli::JsonObject first;
        first.add("path", compared.differences.front().path);
        first.add("offset", compared.content->offset);
        if (!compared.content->json_path.empty()) {
            first.add("json_path", compared.content->json_path);
        }
        first.add("first", compared.content->first).add("second", compared.content->second);
        out.add("first_difference", first);
    }
}

constexpr std::string_view compared_fields =
    " differences?:[{path:text what:differs|only_first|only_second}] "
    "first_difference?:{path:text offset:int json_path?:text first:text second:text}";

// "1", "1@100"
struct NodeAt {
    const ClusterNode* node = nullptr;
    std::optional<LedgerSeq> seq;
};
Expected<NodeAt> parse_node_at(const Cluster& cluster, const std::string& text,
                               std::optional<LedgerSeq> seq) {
    const std::size_t at = text.find('@');
    HP_DEV_TRY(const ClusterNode* node, one_node(cluster, text.substr(0, at)));
    if (at != std::string::npos) {
        seq = cli::parse_number(text.substr(at + 1));
        if (!seq) {
            return cli::failure(ErrorId::usage, "\"" + text + "\" is not NODE@LEDGER");
        }
    }
    return NodeAt{node, seq};
}

cli::Outcome run_state_diff(const Args& args) {
    HP_DEV_TRY(const Cluster cluster, find_cluster(args));
    HP_DEV_TRY(const auto seq, read_seq(args));
    HP_DEV_TRY(const NodeAt a, parse_node_at(cluster, args.arguments[0], seq));
    HP_DEV_TRY(const NodeAt b, parse_node_at(cluster, args.arguments[1], seq));
    HP_DEV_TRY(const StateTree first, read_state_tree(cluster, *a.node, a.seq));
    HP_DEV_TRY(const StateTree second, read_state_tree(cluster, *b.node, b.seq));
    const Compared compared = compare(cluster, *a.node, first, *b.node, second);
    if (!args.json) {
        return cli::Answer{compared.differences.empty()
                               ? "no difference\n"
                               : compared_text(compared, args.arguments[0], args.arguments[1])};
    }
    cli::JsonObject out = cli::document(args.schema);
    out.add("first_ledger", first.seq).add("second_ledger", second.seq);
    add_compared(out, compared);
    return cli::Answer{out.text() + "\n"};
}

// --- diff of a whole cluster ---------------------------------------------------------------------

struct Group {
    std::string hash;
    std::vector<const ClusterNode*> nodes;
    StateTree tree; // of the first of them
};

// After the last ledger that all have run: nodes by what they hold.
Expected<std::vector<Group>> group_nodes(const Cluster& cluster,
                                         const std::vector<unsigned>& numbers,
                                         std::optional<LedgerSeq>& seq) {
    std::vector<Group> out;
    if (!seq) {
        for (const NodeView& view : view_nodes(cluster)) {
            const bool meant = std::ranges::find(numbers, view.node.number) != numbers.end();
            if (meant && view.answers) {
                // One that runs the contract has committed the state of the ledger before.
                const LedgerSeq done = view.running_contract ? view.ledger - 1 : view.ledger;
                seq = std::min(seq.value_or(done), done);
            }
        }
    }
    for (const unsigned number : numbers) {
        const ClusterNode& node = *cluster.find(number);
        auto tree = read_state_tree(cluster, node, seq);
        if (!tree) {
            if (numbers.size() > 1 && tree.error().id == ErrorId::no_state_file) {
                continue; // has nothing yet, or nothing that old
            }
            return tl::unexpected(std::move(tree.error()));
        }
        const auto found = std::ranges::find(out, tree->root, &Group::hash);
        if (found == out.end()) {
            out.push_back({tree->root, {&node}, *std::move(tree)});
        } else {
            found->nodes.push_back(&node);
        }
    }
    std::ranges::stable_sort(out, std::greater<>(), [](const Group& g) { return g.nodes.size(); });
    return out;
}

std::string group_text(const std::vector<Group>& groups) {
    std::string out;
    char letter = 'A';
    for (const Group& group : groups) {
        out += std::string("  ") + letter++ + "  " + group.hash.substr(0, 16) + "  nodes";
        for (const ClusterNode* node : group.nodes) {
            out += " " + node->name();
        }
        out += "\n";
    }
    return out;
}

cli::JsonArray groups_json(const std::vector<Group>& groups) {
    cli::JsonArray out;
    for (const Group& group : groups) {
        cli::JsonArray nodes;
        for (const ClusterNode* node : group.nodes) {
            nodes.add_raw(std::to_string(node->number));
        }
        cli::JsonObject item;
        out.add_raw(item.add("state_hash", group.hash).add("nodes", nodes).text());
    }
    return out;
}

cli::Outcome run_diff(const Args& args) {
    HP_DEV_TRY(const Cluster cluster, find_cluster(args));
    HP_DEV_TRY(auto seq, read_seq(args));
    HP_DEV_TRY(const std::vector<unsigned> numbers,
               parse_nodes(cluster, args.options.text("nodes").value_or("all")));
    HP_DEV_TRY(const std::vector<Group> groups, group_nodes(cluster, numbers, seq));
    if (groups.empty()) {
        return cli::failure(ErrorId::no_state_file, "no node has a committed state yet");
    }
    const std::string where = seq ? " after ledger " + std::to_string(*seq) : std::string();
    cli::JsonObject members;
    members.add("groups", groups_json(groups));
    if (seq) {
        members.add("ledger", *seq);
    }
    if (groups.size() == 1) {
        return cli::Answer{args.json ? cli::document(args.schema).add_all(members).text() + "\n"
                                     : "all nodes hold the same state" + where + "\n" +
                                           group_text(groups)};
    }
    const Group& a = groups[0];
    const Group& b = groups[1];
    const Compared compared = compare(cluster, *a.nodes.front(), a.tree, *b.nodes.front(), b.tree);
    add_compared(members, compared);
    cli::Failure out{ErrorId::states_differ, "the nodes hold different states" + where,
                     "hpdev check finds what a contract does differently from run to run"};
    out.answer = "states" + where + "\n" + group_text(groups) + compared_text(compared, "A", "B");
    out.members = std::move(members);
    return tl::unexpected(std::move(out));
}

// --- ledger --------------------------------------------------------------------------------------

cli::Outcome run_ledger(const Args& args) {
    HP_DEV_TRY(const Cluster cluster, find_running(args));
    HP_DEV_TRY(const fs::path hpcli, find_program("hpcli", std::nullopt));
    std::string servers;
    for (const ClusterNode& node : cluster.nodes) {
        servers += (servers.empty() ? "" : ",") + node.url();
    }
    std::vector<std::string> words = {"ledger"};
    words.insert(words.end(), args.arguments.begin(), args.arguments.end());
    if (args.json) {
        words.emplace_back("--json");
    }
    if (args.quiet) {
        words.emplace_back("-q");
    }
    HP_DEV_TRY(const int code, pass_through(hpcli, words, {{"HP_SERVERS", servers}}));
    return code == 0 ? cli::Outcome(cli::Answer{}) : tl::unexpected(cli::silent(code));
}

constexpr std::array seq_options = {
    OptionInfo{"--seq", "N", "as it was after this ledger (default: the newest)"},
};
constexpr std::array diff_options = {
    OptionInfo{"--seq", "N", "after this ledger (default: the last that all have run)"},
    OptionInfo{"--nodes", "NODES", "only these (default all)"},
};

const std::string state_diff_fields =
    "ok:bool first_ledger?:int second_ledger?:int" + std::string(compared_fields);
const std::string diff_fields =
    "ok:bool ledger?:int groups?:[{state_hash:hash nodes:[int]}]" + std::string(compared_fields);

const std::array state_table = {
    CommandInfo{"state ls", "NODE [FOLDER]", 1, 2, Scope::online,
                "List the files of a node's state, with hashes", "hpdev state ls 1",
                "hpdev state ls 1 data --seq 120", seq_options,
                "ok:bool node?:int ledger?:int state_hash?:hash "
                "entries?:[{path:text type:text size:int hash:hash}]",
                run_ls},
    CommandInfo{"state cat", "NODE PATH", 2, 2, Scope::online, "Print a file of a node's state",
                "hpdev state cat 1 total.txt", "hpdev state cat 1 data.json --seq 120 | jq .",
                seq_options, "ok:bool node?:int path?:text content?:content", run_cat},
    CommandInfo{"state diff", "NODE[@SEQ] NODE[@SEQ]", 2, 2, Scope::online,
                "Compare two nodes' states, or one at two times", "hpdev state diff 1 3",
                "hpdev state diff 1@100 1@120", seq_options, state_diff_fields, run_state_diff},
    CommandInfo{"state pull", "NODE:PATH [TO]", 1, 2, Scope::online,
                "Copy a file out of a node's state", "hpdev state pull 1:data/x.json .",
                "hpdev state pull 2:total.txt total-of-n2.txt", seq_options,
                "ok:bool path?:text file?:text size?:int", run_pull},
    CommandInfo{"diff", "", 0, 0, Scope::online,
                "Say which nodes hold another state, and where it differs first", "hpdev diff",
                "hpdev diff --json | jq .first_difference", diff_options, diff_fields, run_diff},
    CommandInfo{"ledger",
                "WORDS",
                1,
                cli::any_number,
                Scope::online,
                "hpcli ledger for this cluster; its options after --",
                "hpdev ledger lcl",
                "hpdev ledger get 5 -- --inputs",
                {},
                "",
                run_ledger},
};

} // namespace

cli::Commands state_commands() {
    return state_table;
}

} // namespace hp::dev
