// SPDX-License-Identifier: Apache-2.0
// Everything that can happen to the engine. Signatures are checked by the driver, off the engine's
// thread: what arrives in a MessageIn has valid signatures of the keys it names (statements,
// certificates, evidence, root signatures, inputs of certified ledgers; not those of Inputs);
// whether those keys count is the engine's to decide.
#pragma once

#include <variant>

#include "consensus/epoch_chain.hpp"
#include "consensus/messages.hpp"
#include "consensus/params.hpp"

namespace hp::consensus {

struct Tick {}; // the time of a WakeAt has come

struct UserJoined {
    PublicKey user;
};
struct UserLeft {
    PublicKey user;
};

// A decoded input of a user connected here; its signature is not checked yet.
struct InputIn {
    proto::SharedInput input;
};
// The verdict on a VerifyInput effect.
struct InputVerified {
    proto::SharedInput input;
    bool signature_ok = false;
};

// From another node, whose transport identity is `from`. The driver has asked Engine::remembers()
// before.
struct MessageIn {
    PublicKey from;
    Message message;
};

// A node is connected now: it has not heard what was said before.
struct PeerJoined {
    PublicKey node;
};

// Others have shown this node a vote of its own that it does not know of (Engine::remembers()): its
// vote log was put back to an earlier state. The vote log has noted that it is incomplete.
struct VotesForgotten {};

// The records of the AppendLog effect with this number are durable, and all before it.
struct Logged {
    std::uint64_t number = 0;
};

// The ledger of the Persist effect is durable.
struct Persisted {
    LedgerSeq seq = 0;
};

// Ledgers that nobody has any more, or that this node cannot verify one by one, are passed over: it
// goes on from this one, which the driver has verified by the epoch chain. Without effect when the
// engine has come as far by itself, or is just storing another ledger.
struct Rejoin {
    SharedSnapshot from;
};

// Executing the ledger is finished, or its certified state fetched, and the effect on the state
// durable.
struct ResultReady {
    proto::SharedResult result;
};

// The answer to every Decided: the driver has adopted the configuration that the ledger agreed on.
// `params` are in force from the next height on.
struct ConfigInForce {
    Params params;
};

using Event =
    std::variant<Tick, UserJoined, UserLeft, InputIn, InputVerified, MessageIn, PeerJoined,
                 VotesForgotten, Logged, Persisted, Rejoin, ResultReady, ConfigInForce>;

} // namespace hp::consensus
