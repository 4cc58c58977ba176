// SPDX-License-Identifier: Apache-2.0
#include "handshake.hpp"

#include "hp/base/limits.hpp"
#include "hp/base/version.hpp"
#include "printable.hpp"

#include <algorithm>

namespace hp::client {
namespace {

// Up to and including the second dot: the part that must agree.
std::string_view protocol_prefix() {
    return hp_version.substr(0, hp_version.rfind('.') + 1);
}

tl::unexpected<ConnectError> refuse(ConnectProblem problem, std::string message) {
    return tl::unexpected<ConnectError>(ConnectError{problem, std::move(message)});
}

// Text from a server that is not trusted yet.
std::string in_quotes(std::string_view text) {
    return '"' + printable(text, 64) + '"';
}

} // namespace

Handshake::Handshake(const Options& options)
    : options_(options), server_challenge_(crypto::random_hex16()) {}

Connected<Bytes> Handshake::on_challenge(ByteView message) {
    if (message.size() > limits::handshake_message_bytes_max) {
        return refuse(ConnectProblem::handshake, "the server's challenge message is too large");
    }
    auto challenge = proto::decode_challenge(message);
    if (!challenge) {
        return refuse(ConnectProblem::handshake, challenge.err().context);
    }
    theirs_ = std::move(*challenge);
    if (auto good = check_expectations(); !good) {
        return tl::unexpected(std::move(good.error()));
    }
    const auto signature = options_.signer.sign(as_bytes(theirs_.challenge));
    if (!signature) {
        return refuse(ConnectProblem::no_signature, signature.err().context);
    }
    return proto::encode_challenge_response(
        {*signature, options_.signer.public_key(), server_challenge_, options_.encoding});
}

Connected<void> Handshake::check_expectations() const {
    if (!theirs_.hp_version.starts_with(protocol_prefix())) {
        return refuse(ConnectProblem::version, "the server speaks protocol version " +
                                                   in_quotes(theirs_.hp_version) + ", not " +
                                                   std::string(protocol_prefix()) + "x");
    }
    if (options_.contract_id && *options_.contract_id != theirs_.contract_id) {
        return refuse(ConnectProblem::contract,
                      "the server runs contract " + in_quotes(theirs_.contract_id));
    }
    if (options_.contract_version && *options_.contract_version != theirs_.contract_version) {
        return refuse(ConnectProblem::contract,
                      "the server runs contract version " + in_quotes(theirs_.contract_version));
    }
    return {};
}

Connected<ServerInfo> Handshake::on_server_response(ByteView message) const {
    auto response = proto::decode_server_response(message);
    if (!response) {
        return refuse(ConnectProblem::handshake, response.err().context);
    }
    const std::string text =
        proto::server_signed_text(server_challenge_, theirs_.contract_id, theirs_.contract_version);
    if (!crypto::verify(response->key, as_bytes(text), response->signature)) {
        return refuse(ConnectProblem::handshake, "the server does not hold the key it shows");
    }
    const auto& trusted = options_.trusted_keys;
    if (!trusted.empty() && std::ranges::find(trusted, response->key) == trusted.end()) {
        return refuse(ConnectProblem::untrusted_server,
                      "the server's key " + response->key.hex() + " is not trusted");
    }
    if (options_.server_key && *options_.server_key != response->key) {
        return refuse(ConnectProblem::untrusted_server, "the server's key has changed: expected " +
                                                            options_.server_key->hex() + ", got " +
                                                            response->key.hex());
    }
    return ServerInfo{theirs_.hp_version,
                      theirs_.contract_id,
                      theirs_.contract_version,
                      response->key,
                      std::move(response->unl),
                      {},
                      0,
                      0};
}

} // namespace hp::client
