// SPDX-License-Identifier: Apache-2.0
// cluster.json: what a cluster on this machine is and how it is reached, the only way to discover
// one (schema hp.cluster/1). Written by whoever holds the cluster's lock, whole or not at all; read
// by everybody. Whether it runs is not in the file but follows from it: the supervisor that it
// names is alive. Values; blocking file work; any thread.
#pragma once

#include "cluster/expected.hpp"
#include "cluster/process_mark.hpp"
#include "hp/base/ids.hpp"

#include <optional>
#include <string>
#include <vector>

namespace hp::dev {

enum class NodeState : std::uint8_t { stopped, running, paused, failed };
std::string_view to_string(NodeState state);

// Why a node is not running.
struct NodeEnd {
    std::string what; // "exit code 255", "killed by signal 9 (SIGKILL)"
    std::int64_t time_ms = 0;
    std::vector<std::string> log; // the last lines
};

struct ClusterNode {
    unsigned number = 0;
    fs::path dir;
    ProcessMark process; // of the last start
    NodeState state = NodeState::stopped;
    std::optional<NodeEnd> end;
    PublicKey public_key;
    bool observer = false;
    std::string host = "127.0.0.1"; // by which others on this machine reach it
    std::uint16_t user_port = 0;
    std::uint16_t peer_port = 0;

    std::string name() const { return "n" + std::to_string(number); }
    std::string url() const { return "wss://" + host + ":" + std::to_string(user_port); }
    bool has_process() const { return state == NodeState::running || state == NodeState::paused; }
};

struct Cluster {
    std::string name;
    fs::path dir; // where cluster.json lies
    fs::path project;
    ProcessMark supervisor; // pid 0: ended in good order
    fs::path control;       // its socket
    std::optional<std::string> dashboard;
    std::string contract_id;
    std::uint32_t roundtime_ms = 0;
    std::uint32_t threshold = 0; // percent
    fs::path program;            // hpnode
    fs::path bundle;             // what was deployed last
    unsigned next_number = 1;    // of a node; never used twice
    std::vector<ClusterNode> nodes;

    fs::path file() const { return dir / "cluster.json"; }
    bool is_running() const { return is_alive(supervisor); }
    ClusterNode* find(unsigned number);
    const ClusterNode* find(unsigned number) const;
    std::size_t validators() const;
};

// As the file has it.
Json to_json(const Cluster& cluster);
// Strict: a file that we did not write is refused.
Expected<Cluster> decode_cluster(const fs::path& dir, std::string_view text);

// ErrorId::no_cluster when there is none in that folder.
Expected<Cluster> load_cluster(const fs::path& dir);
Done save_cluster(const Cluster& cluster);

// q = max(ceil(T*n/100), floor(n/2)+1)  (docs/consensus.md)
std::size_t quorum_of(std::size_t validators, std::uint32_t threshold_percent);
// "3 nodes at 80 %: tolerates 0 failures"
std::string tolerance_text(std::size_t validators, std::uint32_t threshold_percent);

} // namespace hp::dev
