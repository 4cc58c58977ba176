// SPDX-License-Identifier: Apache-2.0
// A server that misbehaves on demand, for what no real node would do: wrong signatures, wrong
// orders, silence. Speaks the real protocol over a real socket. Reactor thread only.
#pragma once

#include "hp/base/check.hpp"
#include "hp/client/client.hpp"
#include "hp/proto/handshake.hpp"
#include "hp/proto/user_codec.hpp"

namespace hp::test {

class ScriptedServer {
public:
    explicit ScriptedServer(net::Reactor& reactor) {
        net::ListenOptions options;
        options.address = "127.0.0.1";
        options.message_bytes_max = 1 << 20U;
        options.send_queue_bytes_max = 1 << 20U;
        options.setup_timeout_ms = 5000;
        options.ping_interval_ms = 60'000;
        net::ListenHandlers handlers;
        handlers.admit = [](const std::string&) { return true; };
        handlers.on_stream = [this](std::shared_ptr<net::Stream> stream) {
            on_stream(std::move(stream));
        };
        handlers.on_aborted = [](const std::string&, const std::string&) {};
        auto listening = net::listen(reactor, options, std::move(handlers), Log());
        HP_CHECK(listening, "a free port");
        listener_ = std::move(*listening);
    }

    std::string url() const { return "ws://127.0.0.1:" + std::to_string(listener_->port()); }

    // What it says, changeable before the client connects.
    proto::UserChallenge challenge{"0.6.4", "3c349abe-4d70-4f50-9fa6-018f1f2530ab", "1.0",
                                   "000102030405060708090a0b0c0d0e0f"};
    crypto::KeyPair keys = crypto::make_key_pair(); // shown
    crypto::KeyPair signing_keys = keys;            // signs
    std::vector<PublicKey> unl = {keys.public_key};
    bool answers_handshake = true;
    std::optional<Bytes> raw_challenge;              // instead of `challenge`
    std::optional<net::CloseCode> close_on_response; // instead of a response
    std::function<void(const proto::UserRequest&)> on_request = [](const auto&) {};

    proto::Encoding encoding = proto::Encoding::json; // the client's choice
    std::optional<proto::UserChallengeResponse> response;

    void send(const proto::ServerMessage& message) {
        send_raw(proto::encode_message(encoding, message));
    }
    void send_raw(Bytes message) {
        stream_->send(std::make_shared<const Bytes>(std::move(message)));
    }
    void close(net::CloseCode code) { stream_->close(code, "scripted"); }

private:
    void on_stream(std::shared_ptr<net::Stream> stream) {
        stream_ = std::move(stream);
        stream_->start([this](Bytes message) { on_message(message); }, [](net::CloseInfo) {});
        if (raw_challenge) {
            send_raw(*raw_challenge);
        } else if (answers_handshake) {
            send_raw(proto::encode_challenge(challenge));
        }
    }

    void on_message(ByteView message) {
        if (response) {
            if (auto request = proto::decode_request(encoding, message)) {
                on_request(*request);
            }
            return;
        }
        auto decoded = proto::decode_challenge_response(message);
        HP_CHECK(decoded, "a good response from our own client");
        HP_CHECK(proto::verify_challenge_response(*decoded, challenge.challenge), "its signature");
        response = *decoded;
        encoding = decoded->encoding;
        if (close_on_response) {
            close(*close_on_response);
            return;
        }
        const std::string text =
            proto::server_signed_text(decoded->server_challenge.value_or(""), challenge.contract_id,
                                      challenge.contract_version);
        send_raw(proto::encode_server_response(
            {crypto::sign(signing_keys, as_bytes(text)), keys.public_key, unl}));
    }

    std::unique_ptr<net::Listener> listener_;
    std::shared_ptr<net::Stream> stream_;
};

} // namespace hp::test
