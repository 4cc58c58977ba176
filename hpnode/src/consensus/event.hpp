// SPDX-License-Identifier: Apache-2.0
// Everything that can happen to the engine. Signatures are checked by the driver, off the engine's
// thread; the engine only learns the verdict.
#pragma once

#include <variant>

#include "consensus/params.hpp"
#include "hp/proto/ledger.hpp"

namespace hp::consensus {

struct Tick {}; // the time of a WakeAt has come

struct UserJoined {
    PublicKey user;
};
struct UserLeft {
    PublicKey user;
};

// A decoded input of a connected user; its signature is not checked yet.
struct InputIn {
    proto::SharedInput input;
};
// The verdict on a VerifyInput effect.
struct InputVerified {
    proto::SharedInput input;
    bool signature_ok = false;
};

// The ledger of the Persist effect is durable.
struct Persisted {
    LedgerSeq seq = 0;
};

// Executing the ledger is finished and its effect on the state durable.
struct ResultReady {
    proto::SharedResult result;
};

// The configuration in force has changed (adopted from patch.cfg).
struct ConfigChanged {
    Params params;
};

using Event = std::variant<Tick, UserJoined, UserLeft, InputIn, InputVerified, Persisted,
                           ResultReady, ConfigChanged>;

} // namespace hp::consensus
