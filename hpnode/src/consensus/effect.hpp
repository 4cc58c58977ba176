// SPDX-License-Identifier: Apache-2.0
// Everything the engine asks for. The driver performs effects in order; results come back as
// events. An effect is never lost: a driver that cannot perform one stops the node.
#pragma once

#include <map>
#include <variant>
#include <vector>

#include "consensus/agreement.hpp"
#include "consensus/epoch_chain.hpp"
#include "consensus/messages.hpp"

namespace hp::consensus {

// Check the signature, then send InputVerified.
struct VerifyInput {
    proto::SharedInput input;
};

// Tell the user, if connected here or back soon.
struct TellStatus {
    PublicKey user;
    proto::InputStatus status;
};

// Make the records durable in the vote log, in order, then send Logged.
struct AppendLog {
    std::uint64_t number = 0;
    std::vector<LogRecord> records;
};

// To all members of the UNL but this node (and in public mode to everybody who follows).
struct Broadcast {
    Message message;
};
// To one node; nothing happens when it is not connected.
struct SendTo {
    PublicKey node;
    Message message;
};

// Answer a GetLedgers from the store with what it has, if the node may have it.
struct ServeLedgers {
    PublicKey node;
    GetLedgers wanted;
};

// Make the ledger durable, then send Persisted. The log's records up to this height are of no use
// any more. With `joined` the ledgers before it are missing, and the record of recent inputs is
// replaced by that one.
struct Persist {
    proto::SharedLedger ledger;
    SharedCertifiedLedger certified;
    SharedSnapshot joined{};
};

// The ledger is final and durable: adopt its configuration, tell subscribers, deliver outputs.
// `root_signatures` are the raw signatures of the output root by members (9.4).
struct Decided {
    proto::SharedLedger ledger;
    std::vector<std::pair<PublicKey, Signature>> root_signatures;
    bool took_part = false; // it cites an OPEN of this start, so this node was at the ledger before
};

// Run the contract on this ledger, then send ResultReady.
struct Execute {
    proto::SharedLedger ledger;
    std::map<PublicKey, TimeMs> unl_active_on;
};

// This node's own state is not the agreed one: fetch `target`, which `holders` stand for, then send
// ResultReady for its ledger. Replaces an earlier request.
struct SyncState {
    ResultClaim target;
    std::vector<PublicKey> holders;
};

struct StatusChanged {
    proto::VoteStatus status = proto::VoteStatus::unknown;
};

// A member contradicted itself, or a run differed between members: for the operator.
struct Report {
    std::string what;
    std::vector<PublicKey> members;
};

// Send Tick at this monotonic time; replaces any earlier request.
struct WakeAt {
    std::int64_t mono_us = 0;
};

using Effect = std::variant<VerifyInput, TellStatus, AppendLog, Broadcast, SendTo, ServeLedgers,
                            Persist, Decided, Execute, SyncState, StatusChanged, Report, WakeAt>;
using Effects = std::vector<Effect>;

} // namespace hp::consensus
