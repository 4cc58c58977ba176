// SPDX-License-Identifier: Apache-2.0
// What a running node tells about itself to `hpnode status`: the document it serves on its local
// socket (schema hp.node.status/1), and the text made of it for people. Nothing in it is secret.
// Values; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hp/base/result.hpp"
#include "hp/config/config.hpp"
#include "hp/proto/user_message.hpp"
#include "node/agreed_config.hpp"
#include "node/run_record.hpp"

namespace hp::node {

// How contracts are kept away from what is not theirs.
struct Protection {
    std::string sandbox = "off";
    std::string reads; // what keeps read requests from writing, or why nothing does
};

// Of a node with its peers since its start, without what TLS and WebSocket add.
struct Traffic {
    std::uint64_t messages_out = 0;
    std::uint64_t bytes_out = 0;
    std::uint64_t messages_in = 0;
    std::uint64_t bytes_in = 0;
};

struct StatusReport {
    int pid = 0;
    std::int64_t uptime_ms = 0;
    std::string directory;
    PublicKey key;
    std::string contract_id;
    std::string contract_version;
    config::Role role = config::Role::validator;
    bool executes = true; // contract.execute

    LedgerId ledger; // seq 0: none yet
    TimeMs ledger_age_ms = 0;
    proto::VoteStatus vote_status = proto::VoteStatus::unknown;
    std::string no_quorum; // why no ledger can close; empty when they can
    std::string activity;  // how it comes back to the others, and how far it is; empty: it is there
    std::string suspended; // why it takes no part in consensus now; empty: it does
    std::size_t unl = 0;
    // The height after `ledger`.
    std::uint64_t attempt = 0;
    std::size_t members_heard = 0;       // this node included
    std::size_t inputs_waiting = 0;      // for a ledger
    std::vector<PublicKey> committed_by; // whose votes decided `ledger`, as far as this node saw
    std::uint64_t failed_attempts = 0;   // at the ledgers decided since the node was started
    bool eager = false;
    std::uint32_t roundtime_ms = 0;
    std::size_t users = 0;
    std::uint16_t user_port = 0;      // 0: not listening
    std::optional<LedgerSeq> running; // the ledger the contract is being run for
    Hash32 state_hash;                // after the last run
    Hash32 config_hash;

    RunRecords runs;
    std::optional<RejectedPatch> rejected_patch;
    std::vector<config::HostPort> known_peers;
    std::vector<PublicKey> connected_peers;
    std::uint16_t peer_port = 0; // 0: does not listen
    bool peer_discovery = false;
    Traffic traffic;
    Protection protection;
};

// One JSON document and a newline, valid UTF-8 whatever the contract did.
std::string encode_status(const StatusReport& report);

// Aligned lines. Errc::invalid when `document` is not what a node answers; fields that another
// version does not have are left out.
Result<std::string> render_status(std::string_view document);

} // namespace hp::node
