// SPDX-License-Identifier: Apache-2.0
// One connection to another node, from its first byte: who is it, and is it of our contract?
// (consensus.md 6.4.11). Both sides say Hello at once, each answers the other's with a Proof that
// is good for this TLS connection only, so nobody in between can pass one on. Then messages flow.
// Pure: bytes in, what to do out. One owner.
#pragma once

#include <optional>

#include "hp/crypto/keys.hpp"
#include "peer/peer_message.hpp"

namespace hp::peer {

// What a connection begins with.
struct Own {
    crypto::KeyPair keys;
    Hash32 contract_id_hash;
    std::uint16_t listen_port = 0;
};

class PeerSession {
public:
    // `channel_binding` as both ends of the connection know it. `caller`: this node made it.
    PeerSession(const Own& own, bool caller, Bytes channel_binding);

    Bytes hello() const; // to be sent first

    struct Step {
        Bytes reply{};                        // to be sent, unless it is empty
        bool established = false;             // just now: key() is proven
        std::optional<PeerMessage> message{}; // of the established peer
    };
    // An error says why the connection has to end; Errc::exists when it is this node itself.
    Result<Step> on_message(ByteView bytes);

    bool is_established() const { return stage_ == Stage::established; }
    bool is_caller() const { return caller_; }
    const PublicKey& key() const { return key_; } // of the other side; claimed until established
    std::uint16_t listen_port() const { return listen_port_; }

private:
    enum class Stage : std::uint8_t { hello, proof, established };

    Result<Step> on_hello(const Hello& hello);
    Result<Step> on_proof(const Proof& proof);
    Bytes bytes_of(bool by_caller) const;

    const Own& own_;
    bool caller_;
    Bytes channel_binding_;
    Stage stage_ = Stage::hello;
    PublicKey key_;
    std::uint16_t listen_port_ = 0;
};

} // namespace hp::peer
