// SPDX-License-Identifier: Apache-2.0
// What nodes say to each other, frame by frame (docs/protocol/peer.md): a type, then its content.
// What members say about ledgers travels as the opaque bytes of consensus/message_codec.hpp.
// Decoding is strict: limits, no unknown types, nothing behind the end. Values; any thread.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "hp/base/ids.hpp"
#include "hp/base/result.hpp"

namespace hp::peer {

// Says who somebody claims to be; proven by Proof, on this connection only.
struct Hello {
    Hash32 contract_id_hash;
    PublicKey key;
    std::uint16_t listen_port = 0; // where this node takes connections; 0: nowhere
};
struct Proof {
    Signature signature; // over proof_bytes()
};

// One of consensus::Message, encoded.
struct Agreement {
    Bytes bytes;
};

// What the contract of the sender said in its run of this ledger.
struct Npl {
    LedgerId run;
    Bytes bytes;
};

// The patch.cfg with this hash, for nodes that have not executed what made it.
struct GetConfig {
    Hash32 hash;
};
struct Config {
    Bytes content;
};

// Parts of a state, asked for and given: the opaque bytes of state/sync/message.hpp.
struct StateRequest {
    Bytes bytes;
};
struct StateAnswer {
    Bytes bytes;
};

// Where other nodes can be reached.
struct Address {
    std::string host;
    std::uint16_t port = 0;
    auto operator<=>(const Address&) const = default;
};
struct Addresses {
    std::vector<Address> list;
};

// In answer to a request for a ledger that the sender once had, or never will have.
struct NoLedger {
    LedgerSeq seq = 0;
};

// How the UNL came to be what it is, for ledgers above this one, and the newest ledger with what it
// takes to go on from it: the opaque bytes of consensus/epoch_chain.hpp.
struct GetEpochs {
    LedgerSeq above = 0;
};
struct Epochs {
    Bytes bytes;
};
struct GetSnapshot {};
struct Snapshot {
    Bytes bytes;
};

// What a ledger confirms of the run before it; opaque, empty when the sender does not have it.
struct GetOutputs {
    LedgerSeq seq = 0;
};
struct Outputs {
    LedgerSeq seq = 0;
    Bytes bytes;
};

// Please pass on to me what members say that I do not hear myself, and to them what I say: I hear
// these. Said again whenever it changes.
struct Forward {
    std::vector<PublicKey> heard;
};

// Of peers that have proven their keys.
using PeerMessage =
    std::variant<Agreement, Npl, GetConfig, Config, StateRequest, StateAnswer, Addresses, NoLedger,
                 GetEpochs, Epochs, GetSnapshot, Snapshot, GetOutputs, Outputs, Forward>;
using Frame = std::variant<Hello, Proof, PeerMessage>;

Bytes encode_frame(const Frame& frame);
Result<Frame> decode_frame(ByteView bytes);

// What a node signs to prove its key: bound to the contract, to this one TLS connection, to who
// called whom, and to both keys.
Bytes proof_bytes(const Hash32& contract_id_hash, ByteView channel_binding, const PublicKey& caller,
                  const PublicKey& called, bool by_caller);

} // namespace hp::peer
