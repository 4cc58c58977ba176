// SPDX-License-Identifier: Apache-2.0
// Nodes' folders: ordinary ones (`hpnode run` works on them by hand), with an hp.cfg that makes the
// nodes one cluster on this machine. Blocking file work; any thread.
#pragma once

#include "cluster/cluster_file.hpp"

#include <functional>
#include <string>
#include <vector>

namespace hp::dev {

// A setting of one node: "log.log_level" = "dbg".
struct NodeSetting {
    unsigned node = 0;
    std::string key;
    Json value;
};
// "2:log.log_level=dbg"; the value is JSON if it can be, otherwise text.
Expected<NodeSetting> parse_node_setting(const std::string& text);
// "log.log_level=dbg"
Expected<NodeSetting> parse_setting(unsigned node, const std::string& text);

// Everything about a cluster's first ledger and its nodes' first start.
struct Genesis {
    Json override = Json::object();                                 // hp.cfg.override
    std::optional<std::uint32_t> roundtime_ms, threshold;           // stronger than the override
    std::optional<std::uint32_t> base_roundtime_ms, base_threshold; // weaker: of the project
    std::string address = "127.0.0.1";                              // where nodes listen
    std::vector<NodeSetting> settings;
};

// The folder with keys and certificate; fills in the node's key.
Done make_node(ClusterNode& node);

// Writes hp.cfg of every node anew, seeds them from cluster.bundle, and takes over into `cluster`
// what they all have in common.
Done found_cluster(Cluster& cluster, const Genesis& genesis);

// A further node, made by make_node, that takes everything else from its peers.
Done join_cluster(const Cluster& cluster, const ClusterNode& node);

// Ports and addresses of hp.cfg as the cluster has them now.
Done write_addresses(const Cluster& cluster);

// Changes hp.cfg; refuses, and leaves the file alone, when the node would.
Done edit_config(const fs::path& node_dir, const std::function<void(Json&)>& change);
Expected<Json> read_config(const fs::path& node_dir);

// Null when there is no such key.
const Json* find_key(const Json& config, std::string_view dotted);
void set_key(Json& config, std::string_view dotted, const Json& value);
// Whether the key belongs to what nodes agree on: it changes through the contract only.
bool is_agreed_key(std::string_view dotted);

} // namespace hp::dev
