// SPDX-License-Identifier: Apache-2.0
// Everything the engine asks for. The driver performs effects in order; results come back as
// events. An effect is never lost: a driver that cannot perform one stops the node.
#pragma once

#include <map>
#include <variant>
#include <vector>

#include "hp/proto/ledger.hpp"

namespace hp::consensus {

// Check the signature, then send InputVerified.
struct VerifyInput {
    proto::SharedInput input;
};

// Tell the user, if connected or back soon.
struct TellStatus {
    PublicKey user;
    proto::InputStatus status;
};

// Make the ledger durable, then send Persisted.
struct Persist {
    proto::SharedLedger ledger;
};

// The ledger is final and durable: adopt its configuration, tell subscribers, deliver outputs.
struct Decided {
    proto::SharedLedger ledger;
};

// Run the contract on this ledger, then send ResultReady.
struct Execute {
    proto::SharedLedger ledger;
    std::map<PublicKey, TimeMs> unl_active_on;
};

struct StatusChanged {
    proto::VoteStatus status = proto::VoteStatus::unknown;
};

// Send Tick at this monotonic time; replaces any earlier request.
struct WakeAt {
    std::int64_t mono_us = 0;
};

using Effect =
    std::variant<VerifyInput, TellStatus, Persist, Decided, Execute, StatusChanged, WakeAt>;
using Effects = std::vector<Effect>;

} // namespace hp::consensus
