// SPDX-License-Identifier: Apache-2.0
#include "cluster/node_state.hpp"

#include "cli/json_writer.hpp"
#include "cluster/run_program.hpp"

#include <algorithm>

namespace hp::dev {
namespace {

constexpr std::size_t tree_bytes_max = 256 << 20;
constexpr std::size_t file_bytes_max = 256 << 20;
constexpr std::size_t shown_bytes_max = 40;
constexpr std::size_t json_depth_max = 200; // recursive comparison

Expected<ProgramResult> ask(const Cluster& cluster, std::vector<std::string> arguments,
                            std::optional<LedgerSeq> seq, std::size_t bytes_max) {
    if (seq) {
        arguments.insert(arguments.end(), {"--seq", std::to_string(*seq)});
    }
    return run_program(cluster.program, arguments, bytes_max);
}

// "hpnode: error: there is no state/x in this version" -> what follows the head.
std::string problem_of(const ProgramResult& result) {
    const std::string head = "hpnode: error: ";
    std::string out = result.errors;
    if (out.starts_with(head)) {
        out.erase(0, head.size());
    }
    while (!out.empty() && out.back() == '\n') {
        out.pop_back();
    }
    return out.empty() ? "hpnode state ended with " + std::to_string(result.exit_code) : out;
}

std::string shown(const std::string& text, std::size_t offset) {
    std::string out;
    for (std::size_t i = offset; i < text.size() && out.size() < shown_bytes_max; ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        out += byte < 0x20 || byte >= 0x7f ? '?' : text[i];
    }
    return out;
}

// Where the first difference is, as a path; empty when there is none.
std::string first_json_path(const Json& a, const Json& b, const std::string& at,
                            std::size_t depth) {
    if (a == b) {
        return "";
    }
    if (depth < json_depth_max && a.is_object() && b.is_object()) {
        for (const auto& [name, value] : a.items()) {
            const std::string below = at + "." + name;
            if (!b.contains(name)) {
                return below;
            }
            if (auto found = first_json_path(value, b[name], below, depth + 1); !found.empty()) {
                return found;
            }
        }
        for (const auto& [name, value] : b.items()) {
            if (!a.contains(name)) {
                return at + "." + name;
            }
        }
        return at; // the order of members
    }
    if (depth < json_depth_max && a.is_array() && b.is_array()) {
        for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
            const std::string below = at + "[" + std::to_string(i) + "]";
            if (auto found = first_json_path(a[i], b[i], below, depth + 1); !found.empty()) {
                return found;
            }
        }
        return at + "[" + std::to_string(std::min(a.size(), b.size())) + "]";
    }
    return at;
}

} // namespace

Expected<StateTree> read_state_tree(const Cluster& cluster, const ClusterNode& node,
                                    std::optional<LedgerSeq> seq) {
    HP_DEV_TRY(const ProgramResult result,
               ask(cluster, {"state", "tree", node.dir.string(), "--json"}, seq, tree_bytes_max));
    const auto json = parse_object(result.output);
    if (result.exit_code != 0 || !json) {
        return cli::failure(cli::ErrorId::no_state_file,
                            node.name() + ": " +
                                (json ? json->value("error", "") : problem_of(result)));
    }
    StateTree out;
    out.seq = json->value("seq", LedgerSeq{0});
    for (const Json& entry : json->value("entries", Json::array())) {
        const std::string path = entry.value("name", "");
        StateEntry found{entry.value("type", ""), entry.value("hash", ""),
                         entry.value("size", std::uint64_t{0})};
        if (path == "state") {
            out.root = found.hash;
        } else if (path.starts_with("state/")) {
            out.entries[path.substr(6)] = std::move(found);
        }
    }
    return out;
}

Expected<std::string> read_state_file(const Cluster& cluster, const ClusterNode& node,
                                      const std::string& path, std::optional<LedgerSeq> seq) {
    HP_DEV_TRY(ProgramResult result,
               ask(cluster, {"state", "cat", node.dir.string(), path}, seq, file_bytes_max));
    if (result.exit_code != 0) {
        return cli::failure(cli::ErrorId::no_state_file, node.name() + ": " + problem_of(result),
                            "hpdev state ls " + std::to_string(node.number));
    }
    return std::move(result.output);
}

std::vector<StateDifference> compare_trees(const StateTree& first, const StateTree& second) {
    std::vector<StateDifference> out;
    for (const auto& [path, entry] : first.entries) {
        const auto other = second.entries.find(path);
        if (other == second.entries.end()) {
            out.push_back({path, "only_first"});
        } else if (entry.hash != other->second.hash || entry.type != other->second.type) {
            if (entry.type != "dir" || other->second.type != "dir") {
                out.push_back({path, "differs"});
            }
        }
    }
    for (const auto& [path, entry] : second.entries) {
        if (!first.entries.contains(path)) {
            out.push_back({path, "only_second"});
        }
    }
    std::ranges::sort(out, {}, &StateDifference::path);
    return out;
}

ContentDifference compare_contents(const std::string& first, const std::string& second) {
    ContentDifference out;
    const auto [a, b] = std::ranges::mismatch(first, second);
    const auto offset = static_cast<std::size_t>(a - first.begin());
    out.offset = offset;
    const std::size_t from = offset > 8 ? offset - 8 : 0; // a little of what is before it
    out.first = shown(first, from);
    out.second = shown(second, from);
    if (cli::nests_too_deeply(first) || cli::nests_too_deeply(second)) {
        return out;
    }
    const Json left = Json::parse(first, nullptr, false);
    const Json right = Json::parse(second, nullptr, false);
    if (!left.is_discarded() && !right.is_discarded() &&
        (left.is_structured() || right.is_structured())) {
        out.json_path = first_json_path(left, right, "$", 0);
    }
    return out;
}

} // namespace hp::dev
