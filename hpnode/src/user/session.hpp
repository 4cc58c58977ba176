// SPDX-License-Identifier: Apache-2.0
// One user's session as a pure state machine: bytes in, decisions out. It owns the handshake
// (user-protocol.md section 4), the encoding, the rate limits (2.4), the time limits (2.5) and
// what the user subscribed to. It knows nothing of sockets and of other sessions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "hp/proto/handshake.hpp"
#include "hp/proto/user_codec.hpp"
#include "user/rate_window.hpp"

namespace hp::user {

using SessionId = std::uint64_t;

struct SessionRules {
    std::uint64_t bytes_per_min = 0;        // 0 = none
    std::uint64_t bad_messages_per_min = 0; // 0 = none
    TimeMs idle_timeout_ms = 0;             // 0 = none
    bool serves_reads = true; // false: read requests are ignored without a look at them (6.5)
};

// --- what the owner must do, in order ---
struct Reply {
    Bytes message;
};
// The signature is good; the owner decides whether this key gets in and calls accept(), or closes.
struct Authenticated {
    PublicKey key;
};
struct Request {
    proto::UserRequest request;
};
enum class CloseCause : std::uint8_t { handshake, too_many_bytes, too_many_bad_messages, silent };
struct Close {
    CloseCause cause;
    std::string why;
};
using Action = std::variant<Reply, Authenticated, Request, Close>;
using Actions = std::vector<Action>;

class Session {
public:
    Session(SessionId id, std::string host, const SessionRules& rules, TimeMs now_mono_ms);

    // The challenge to send first. The contract's id and version are remembered: what the node
    // signs later must be what it announced.
    Bytes open(std::string contract_id, std::string contract_version, std::string challenge);

    void on_message(TimeMs now_mono_ms, ByteView message, Actions& out);

    // After Authenticated: the server_challenge_response if one is due (signed by `keys`).
    std::optional<Bytes> accept(TimeMs now_mono_ms, const crypto::KeyPair& keys,
                                const std::vector<PublicKey>& unl);

    // A message whose handling failed after decoding; counts like a malformed one.
    void on_bad_message(TimeMs now_mono_ms, Actions& out);

    // Something was sent to the user: activity.
    void on_sent(TimeMs now_mono_ms) { active_at_ms_ = now_mono_ms; }

    // Checks the time limits; call about ten times a second.
    void on_tick(TimeMs now_mono_ms, Actions& out);

    SessionId id() const { return id_; }
    const std::string& host() const { return host_; }
    bool verified() const { return state_ == State::verified; }
    const PublicKey& key() const { return key_; }
    proto::Encoding encoding() const { return encoding_; }

    void subscribe(proto::Channel channel, bool enabled);
    bool subscribed(proto::Channel channel) const;

private:
    enum class State : std::uint8_t { challenged, authenticated, verified, closed };

    void on_challenge_response(ByteView message, Actions& out);
    void on_request(TimeMs now_mono_ms, ByteView message, Actions& out);
    void close(CloseCause cause, std::string why, Actions& out);
    void refuse(proto::RejectReason reason, ByteView hash, Actions& out) const;

    SessionId id_;
    std::string host_;
    SessionRules rules_;
    State state_ = State::challenged;
    TimeMs active_at_ms_;

    std::string contract_id_;
    std::string contract_version_;
    std::string challenge_;
    std::optional<std::string> server_challenge_;
    PublicKey key_;
    proto::Encoding encoding_ = proto::Encoding::json;

    RateWindow bytes_;
    RateWindow bad_messages_;
    std::array<bool, 3> channels_{};
};

} // namespace hp::user
