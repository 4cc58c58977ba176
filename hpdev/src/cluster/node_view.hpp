// SPDX-License-Identifier: Apache-2.0
// What a cluster's nodes say about themselves now, asked over each one's own socket, as a table and
// as JSON, and what it means for the whole. Blocking; any thread.
#pragma once

#include "cli/json_writer.hpp"
#include "cluster/cluster_file.hpp"

#include <optional>
#include <string>
#include <vector>

namespace hp::dev {

struct NodeView {
    ClusterNode node;
    bool answers = false;
    bool synced = false;
    std::string vote_status; // "-" when it does not answer
    LedgerSeq ledger = 0;
    std::string ledger_hash, state_hash; // hex, empty when unknown
    bool running_contract = false;
    std::string why_not;   // no ledger can close
    std::string suspended; // why it takes no part in consensus for now
    std::size_t unl = 0;
    std::size_t peers = 0;
    std::size_t users = 0;
    LedgerSeq last_run_ledger = 0; // of the contract, since the node was started
    std::string last_run;          // how it ended, when it ended badly
    ProcessUse use;
};

// As JSON from the node's socket; hp.node.status/1.
Expected<Json> ask_node(const ClusterNode& node);

std::vector<NodeView> view_nodes(const Cluster& cluster);

// Nodes that have run the same last ledger and hold different states: their numbers.
std::vector<unsigned> find_divergence(const Cluster& cluster, std::vector<NodeView>& views);

std::string view_table(const std::vector<NodeView>& views);
std::string view_summary(const Cluster& cluster, const std::vector<NodeView>& views);
// ,"cluster":...,"nodes":[...]: the members that up and ps have in common, as view_fields says.
cli::JsonObject& add_view(cli::JsonObject& out, const Cluster& cluster,
                          const std::vector<NodeView>& views);
inline constexpr std::string_view view_fields =
    "ok:bool cluster?:text directory?:text running?:bool contract_id?:text roundtime_ms?:int "
    "threshold?:int validators?:int quorum?:int tolerates?:int dashboard?:text "
    "nodes?:[{node:int name:text dir:text url:text role:validator|observer "
    "state:running|stopped|paused|failed synced:bool pid?:int ledger?:int lag?:int "
    "ledger_hash?:hash state_hash?:hash unl?:int peers?:int users?:int why_not?:text "
    "suspended?:text last_run?:text rss_kib?:int cpu_percent?:num end?:text public_key:key "
    "user_port:int peer_port:int}]";

} // namespace hp::dev
