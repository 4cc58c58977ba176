// SPDX-License-Identifier: Apache-2.0
#include "cluster/cluster_file.hpp"

#include "hp/os/files.hpp"

#include <algorithm>
#include <array>

namespace hp::dev {
namespace {

constexpr std::string_view schema = "hp.cluster/1";
constexpr std::size_t file_bytes_max = 1 << 20;
constexpr std::size_t nodes_max = 256;

constexpr std::array<std::string_view, 4> states = {"stopped", "running", "paused", "failed"};

Json to_json(const ClusterNode& node) {
    Json out = {{"number", node.number},
                {"name", node.name()},
                {"dir", node.dir.string()},
                {"pid", node.has_process() ? Json(node.process.pid) : Json()},
                {"start_time", node.process.start_time},
                {"state", to_string(node.state)},
                {"public_key", node.public_key.hex()},
                {"role", node.observer ? "observer" : "validator"},
                {"host", node.host},
                {"user_port", node.user_port},
                {"peer_port", node.peer_port},
                {"url", node.url()}};
    if (node.end) {
        out["end"] = {
            {"what", node.end->what}, {"time_ms", node.end->time_ms}, {"log", node.end->log}};
    }
    return out;
}

// Members of an object with the right types, or an exception of the JSON library, which ends in
// decode_cluster.
ClusterNode read_node(const Json& json, const std::string& boot_id) {
    ClusterNode out;
    out.number = json.at("number").get<unsigned>();
    out.dir = json.at("dir").get<std::string>();
    out.process.start_time = json.at("start_time").get<std::uint64_t>();
    if (json.at("pid").is_number()) {
        out.process.pid = json.at("pid").get<int>();
        out.process.boot_id = boot_id;
    }
    const auto state = json.at("state").get<std::string>();
    const auto found = std::ranges::find(states, state);
    const auto key = parse_public_key_hex(json.at("public_key").get<std::string>());
    if (found == states.end() || !key || !out.dir.is_absolute()) {
        throw std::out_of_range("a node's state, key or folder");
    }
    out.state = static_cast<NodeState>(found - states.begin());
    out.public_key = *key;
    out.observer = json.at("role") == "observer";
    out.host = json.at("host").get<std::string>();
    out.user_port = json.at("user_port").get<std::uint16_t>();
    out.peer_port = json.at("peer_port").get<std::uint16_t>();
    if (json.contains("end")) {
        const Json& end = json.at("end");
        out.end = NodeEnd{end.at("what").get<std::string>(), end.at("time_ms").get<std::int64_t>(),
                          end.at("log").get<std::vector<std::string>>()};
    }
    return out;
}

Cluster read_cluster(const Json& json) {
    Cluster out;
    if (json.at("schema") != schema || json.at("nodes").size() > nodes_max) {
        throw std::out_of_range("its schema or its number of nodes");
    }
    out.name = json.at("name").get<std::string>();
    out.project = json.at("project").get<std::string>();
    const Json& supervisor = json.at("supervisor");
    if (supervisor.is_object()) {
        out.supervisor = {supervisor.at("pid").get<int>(),
                          supervisor.at("start_time").get<std::uint64_t>(),
                          supervisor.at("boot_id").get<std::string>()};
    }
    out.control = json.at("control").get<std::string>();
    if (json.at("dashboard").is_string()) {
        out.dashboard = json.at("dashboard").get<std::string>();
    }
    out.contract_id = json.at("contract_id").get<std::string>();
    out.roundtime_ms = json.at("roundtime_ms").get<std::uint32_t>();
    out.threshold = json.at("threshold").get<std::uint32_t>();
    out.program = json.at("program").get<std::string>();
    out.bundle = json.at("bundle").get<std::string>();
    out.next_number = json.at("next_number").get<unsigned>();
    for (const Json& node : json.at("nodes")) {
        out.nodes.push_back(read_node(node, out.supervisor.boot_id));
    }
    return out;
}

} // namespace

std::string_view to_string(NodeState state) {
    return states[static_cast<std::size_t>(state)];
}

ClusterNode* Cluster::find(unsigned number) {
    const auto found = std::ranges::find(nodes, number, &ClusterNode::number);
    return found == nodes.end() ? nullptr : &*found;
}

const ClusterNode* Cluster::find(unsigned number) const {
    const auto found = std::ranges::find(nodes, number, &ClusterNode::number);
    return found == nodes.end() ? nullptr : &*found;
}

std::size_t Cluster::validators() const {
    return static_cast<std::size_t>(std::ranges::count(nodes, false, &ClusterNode::observer));
}

Json to_json(const Cluster& cluster) {
    Json nodes = Json::array();
    for (const ClusterNode& node : cluster.nodes) {
        nodes.push_back(to_json(node));
    }
    const ProcessMark& by = cluster.supervisor;
    return {{"schema", schema},
            {"name", cluster.name},
            {"project", cluster.project.string()},
            {"supervisor",
             by.pid == 0
                 ? Json()
                 : Json{{"pid", by.pid}, {"start_time", by.start_time}, {"boot_id", by.boot_id}}},
            {"control", cluster.control.string()},
            {"dashboard", cluster.dashboard ? Json(*cluster.dashboard) : Json()},
            {"contract_id", cluster.contract_id},
            {"roundtime_ms", cluster.roundtime_ms},
            {"threshold", cluster.threshold},
            {"program", cluster.program.string()},
            {"bundle", cluster.bundle.string()},
            {"next_number", cluster.next_number},
            {"nodes", std::move(nodes)}};
}

Expected<Cluster> decode_cluster(const fs::path& dir, std::string_view text) {
    const auto json = parse_object(text);
    std::string problem = "it is not a JSON object";
    if (json) {
        try { // the library's way to say that a member is missing or of another type
            Cluster out = read_cluster(*json);
            out.dir = dir;
            return out;
        } catch (const std::exception& error) {
            problem = error.what();
        }
    }
    return cli::failure(cli::ErrorId::bad_file,
                        (dir / "cluster.json").string() + " cannot be understood: " + problem,
                        "remove " + dir.string() + " to start over");
}

Expected<Cluster> load_cluster(const fs::path& dir) {
    const auto text = os::read_file(dir / "cluster.json", file_bytes_max);
    if (text) {
        HP_DEV_TRY(Cluster out, decode_cluster(dir, as_text(*text)));
        if (!out.is_running()) { // nodes have ended with their supervisor, whatever it wrote last
            for (ClusterNode& node : out.nodes) {
                node.state = node.has_process() ? NodeState::stopped : node.state;
            }
        }
        return out;
    }
    if (text.err().code == Errc::not_found) {
        return cli::failure(cli::ErrorId::no_cluster,
                            "there is no cluster \"" + dir.filename().string() + "\" here",
                            "hpdev up");
    }
    return cli::failure(cli::ErrorId::bad_file, text.err().context);
}

Done save_cluster(const Cluster& cluster) {
    const std::string text =
        to_json(cluster).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
    HP_DEV_TRY_STATUS(os::replace_file(cluster.file(), as_bytes(text), 0644));
    return {};
}

std::size_t quorum_of(std::size_t validators, std::uint32_t threshold_percent) {
    return std::max((validators * threshold_percent + 99) / 100, validators / 2 + 1);
}

std::string tolerance_text(std::size_t validators, std::uint32_t threshold_percent) {
    const std::size_t failures =
        validators == 0 ? 0 : validators - quorum_of(validators, threshold_percent);
    return std::to_string(validators) + (validators == 1 ? " node" : " nodes") + " at " +
           std::to_string(threshold_percent) + " %: tolerates " + std::to_string(failures) +
           (failures == 1 ? " failure" : " failures");
}

} // namespace hp::dev
