// SPDX-License-Identifier: Apache-2.0
#include "hp/proto/handshake.hpp"

#include <algorithm>

#include "hp/base/limits.hpp"
#include "hp/proto/document.hpp"

namespace hp::proto {
namespace {

using Type = Value::Type;

constexpr std::size_t challenge_chars = 32;
constexpr std::size_t server_challenge_bytes_max = 32;

// Handshake fields are text; empty optional when missing or of another type.
std::optional<std::string> text_field(const Value& message, std::string_view name) {
    const Value* value = message.find(name, Type::string);
    return value != nullptr ? std::optional(value->text) : std::nullopt;
}

Result<Value> parse_typed(ByteView bytes, std::string_view type) {
    auto message = parse_json(bytes, request_limits);
    if (!message || text_field(*message, "type") != type) {
        return fail(Errc::invalid, "expected a " + std::string(type) + " message");
    }
    return std::move(*message);
}

bool is_challenge(std::string_view text) {
    return text.size() == challenge_chars && from_hex(text).has_value();
}

} // namespace

Bytes encode_challenge(const UserChallenge& message) {
    Value out = Value::object();
    out.add("hp_version", Value::of(message.hp_version)); // documented to come first
    out.add("type", Value::of("user_challenge"));
    out.add("contract_id", Value::of(message.contract_id));
    out.add("contract_version", Value::of(message.contract_version));
    out.add("challenge", Value::of(message.challenge));
    return write_json(out);
}

Bytes encode_challenge_response(const UserChallengeResponse& message) {
    Value out = Value::object();
    out.add("type", Value::of("user_challenge_response"));
    out.add("sig", Value::binary(message.signature.view()));
    out.add("pubkey", Value::binary(message.key.view()));
    if (message.server_challenge) {
        out.add("server_challenge", Value::of(*message.server_challenge));
    }
    out.add("protocol", Value::of(message.encoding == Encoding::json ? "json" : "bson"));
    return write_json(out);
}

Bytes encode_server_response(const ServerChallengeResponse& message) {
    std::vector<Value> unl;
    for (const PublicKey& key : message.unl) {
        unl.push_back(Value::binary(key.view()));
    }
    Value out = Value::object();
    out.add("type", Value::of("server_challenge_response"));
    out.add("sig", Value::binary(message.signature.view()));
    out.add("pubkey", Value::binary(message.key.view()));
    out.add("unl", Value::array_of(std::move(unl)));
    return write_json(out);
}

Result<UserChallengeResponse> decode_challenge_response(ByteView bytes) {
    if (bytes.size() > limits::handshake_message_bytes_max) {
        return fail(Errc::too_large, "challenge response is too large");
    }
    HP_TRY(const Value message, parse_typed(bytes, "user_challenge_response"));
    UserChallengeResponse out;
    const auto signature = Signature::from_hex(text_field(message, "sig").value_or(""));
    if (!signature) {
        return fail(Errc::invalid, "sig must be 128 hex characters");
    }
    const auto key = parse_public_key_hex(text_field(message, "pubkey").value_or(""));
    if (!key) {
        return fail(Errc::invalid, "pubkey must be 66 hex characters starting with ed");
    }
    if (const Value* challenge = message.find("server_challenge"); challenge != nullptr) {
        if (challenge->type != Type::string || challenge->text.empty() ||
            challenge->text.size() > server_challenge_bytes_max) {
            return fail(Errc::invalid, "server_challenge must be a string of 1 to 32 bytes");
        }
        out.server_challenge = challenge->text;
    }
    const auto protocol = text_field(message, "protocol");
    if (protocol != "json" && protocol != "bson") {
        return fail(Errc::invalid, "protocol must be json or bson");
    }
    out.signature = *signature;
    out.key = *key;
    out.encoding = protocol == "json" ? Encoding::json : Encoding::bson;
    return out;
}

Result<UserChallenge> decode_challenge(ByteView bytes) {
    HP_TRY(const Value message, parse_typed(bytes, "user_challenge"));
    UserChallenge out{text_field(message, "hp_version").value_or(""),
                      text_field(message, "contract_id").value_or(""),
                      text_field(message, "contract_version").value_or(""),
                      text_field(message, "challenge").value_or("")};
    if (out.hp_version.empty() || out.contract_id.empty() || out.contract_version.empty()) {
        return fail(Errc::invalid, "user_challenge lacks version, contract id or contract version");
    }
    if (!is_challenge(out.challenge)) {
        return fail(Errc::denied, "server asks to sign something that is not a challenge");
    }
    return out;
}

Result<ServerChallengeResponse> decode_server_response(ByteView bytes) {
    HP_TRY(const Value message, parse_typed(bytes, "server_challenge_response"));
    const auto signature = Signature::from_hex(text_field(message, "sig").value_or(""));
    const auto key = parse_public_key_hex(text_field(message, "pubkey").value_or(""));
    const Value* unl = message.find("unl", Type::array);
    if (!signature || !key || unl == nullptr) {
        return fail(Errc::invalid, "server_challenge_response lacks sig, pubkey or unl");
    }
    ServerChallengeResponse out{*signature, *key, {}};
    for (const Value& item : unl->items) {
        const auto member = parse_public_key_hex(item.text);
        if (item.type != Type::string || !member) {
            return fail(Errc::invalid, "unl has an entry that is no public key");
        }
        out.unl.push_back(*member);
    }
    return out;
}

bool verify_challenge_response(const UserChallengeResponse& response, std::string_view challenge) {
    return crypto::verify(response.key, as_bytes(challenge), response.signature);
}

std::string server_signed_text(std::string_view server_challenge, std::string_view contract_id,
                               std::string_view contract_version) {
    std::string text(server_challenge);
    text += contract_id;
    text += contract_version;
    return text;
}

} // namespace hp::proto
