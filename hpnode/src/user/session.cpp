// SPDX-License-Identifier: Apache-2.0
#include "user/session.hpp"

#include "hp/base/check.hpp"
#include "hp/base/limits.hpp"
#include "hp/base/version.hpp"
#include "hp/crypto/blake3.hpp"

namespace hp::user {

using proto::RejectReason;
using proto::RequestError;

Session::Session(SessionId id, std::string host, const SessionRules& rules, TimeMs now_mono_ms)
    : id_(id), host_(std::move(host)), rules_(rules), active_at_ms_(now_mono_ms),
      bytes_(rules.bytes_per_min), bad_messages_(rules.bad_messages_per_min) {}

Bytes Session::open(std::string contract_id, std::string contract_version, std::string challenge) {
    contract_id_ = std::move(contract_id);
    contract_version_ = std::move(contract_version);
    challenge_ = std::move(challenge);
    return proto::encode_challenge(
        {std::string(hp_version), contract_id_, contract_version_, challenge_});
}

void Session::on_message(TimeMs now_mono_ms, ByteView message, Actions& out) {
    if (state_ == State::closed) {
        return;
    }
    active_at_ms_ = now_mono_ms;
    if (bytes_.add(now_mono_ms, message.size())) {
        close(CloseCause::too_many_bytes, "more bytes a minute than allowed", out);
    } else if (state_ == State::verified) {
        on_request(now_mono_ms, message, out);
    } else {
        on_challenge_response(message, out);
    }
}

void Session::on_challenge_response(ByteView message, Actions& out) {
    const auto response = proto::decode_challenge_response(message);
    if (!response) {
        close(CloseCause::handshake, response.err().context, out);
        return;
    }
    if (!proto::verify_challenge_response(*response, challenge_)) {
        close(CloseCause::handshake, "signature does not verify over the challenge", out);
        return;
    }
    key_ = response->key;
    encoding_ = response->encoding;
    server_challenge_ = response->server_challenge;
    state_ = State::authenticated;
    out.push_back(Authenticated{key_});
}

std::optional<Bytes> Session::accept(TimeMs now_mono_ms, const crypto::KeyPair& keys,
                                     const std::vector<PublicKey>& unl) {
    HP_CHECK(state_ == State::authenticated, "accepting a session that has not signed");
    state_ = State::verified;
    active_at_ms_ = now_mono_ms;
    if (!server_challenge_) {
        return std::nullopt; // 4.2: not asked for, not sent
    }
    const std::string text =
        proto::server_signed_text(*server_challenge_, contract_id_, contract_version_);
    return proto::encode_server_response(
        {crypto::sign(keys, as_bytes(text)), keys.public_key, unl});
}

// Dispatch and replies of 6.1, 6.4 to 6.7.
void Session::on_request(TimeMs now_mono_ms, ByteView message, Actions& out) {
    auto request = proto::decode_request(encoding_, message);
    if (request) {
        out.push_back(Request{std::move(*request)});
        return;
    }
    switch (request.error()) {
    case RequestError::bad_read_fields:
        if (!rules_.serves_reads) {
            return;
        }
        [[fallthrough]];
    case RequestError::bad_message:
        refuse(RejectReason::bad_msg_format, {}, out);
        break;
    case RequestError::unknown_type:
        refuse(RejectReason::invalid_msg_type, {}, out);
        break;
    case RequestError::bad_input_fields:
        refuse(RejectReason::bad_msg_format, crypto::b3(ByteView{}).view(), out);
        break;
    case RequestError::bad_subscription:
    case RequestError::bad_query:
        break; // silence, by documentation
    }
    on_bad_message(now_mono_ms, out);
}

void Session::on_bad_message(TimeMs now_mono_ms, Actions& out) {
    if (state_ == State::verified && bad_messages_.add(now_mono_ms, 1)) {
        close(CloseCause::too_many_bad_messages, "more bad messages a minute than allowed", out);
    }
}

// Once: a host that does not read the close frame either must not be blamed again every tick, and
// banned for one silent client.
void Session::on_tick(TimeMs now_mono_ms, Actions& out) {
    const TimeMs silent_ms = now_mono_ms - active_at_ms_;
    if (state_ == State::challenged && silent_ms >= limits::handshake_timeout_ms) {
        close(CloseCause::silent, "no challenge response in time", out);
    } else if (state_ == State::verified && rules_.idle_timeout_ms > 0 &&
               silent_ms >= rules_.idle_timeout_ms) {
        close(CloseCause::silent, "idle for too long", out);
    }
}

void Session::close(CloseCause cause, std::string why, Actions& out) {
    state_ = State::closed;
    out.push_back(Close{cause, std::move(why)});
}

void Session::refuse(RejectReason reason, ByteView hash, Actions& out) const {
    const proto::InputStatus status{reason, Bytes(hash.begin(), hash.end()), {}};
    out.push_back(Reply{proto::encode_message(encoding_, status)});
}

void Session::subscribe(proto::Channel channel, bool enabled) {
    channels_[static_cast<std::size_t>(channel)] = enabled;
}

bool Session::subscribed(proto::Channel channel) const {
    return channels_[static_cast<std::size_t>(channel)];
}

} // namespace hp::user
