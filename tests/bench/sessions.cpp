// SPDX-License-Identifier: Apache-2.0
#include "sessions.hpp"

#include "hp/base/limits.hpp"
#include "hp/proto/handshake.hpp"
#include "hp/proto/user_codec.hpp"

namespace hp::bench {
namespace {

constexpr std::size_t send_queue_bytes_max = std::size_t{1024} * limits::mib;
constexpr std::int64_t connect_timeout_ms = 10'000;

} // namespace

Sessions::Sessions(net::Reactor& reactor, std::string url, std::size_t count, Handlers handlers)
    : reactor_(reactor), url_(std::move(url)), handlers_(std::move(handlers)), sessions_(count) {
    for (Session& session : sessions_) {
        session.keys = crypto::make_key_pair();
    }
}

void Sessions::open() {
    net::ConnectOptions options;
    options.url = url_;
    options.message_bytes_max = limits::reply_bytes_max;
    options.send_queue_bytes_max = send_queue_bytes_max;
    options.timeout_ms = connect_timeout_ms;
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
        net::connect(reactor_, options, [this, i](Result<std::shared_ptr<net::Stream>> stream) {
            on_connected(i, std::move(stream));
        });
    }
}

void Sessions::on_connected(std::size_t index, Result<std::shared_ptr<net::Stream>> stream) {
    if (!stream) {
        fail_with("cannot connect: " + stream.err().context);
        return;
    }
    Session& session = sessions_[index];
    session.stream = std::move(*stream);
    session.state = State::challenged;
    session.stream->start([this, index](const Bytes& bytes) { on_bytes(index, bytes); },
                          [this](const net::CloseInfo& info) {
                              fail_with("the node closed a connection: code " +
                                        std::to_string(info.code) + " " + info.reason);
                          });
}

void Sessions::on_bytes(std::size_t index, ByteView bytes) {
    if (sessions_[index].state == State::ready) {
        auto message = proto::decode_message(proto::Encoding::bson, bytes);
        if (message) {
            handlers_.on_message(index, std::move(*message));
        } else {
            fail_with("unreadable message: " + message.err().context);
        }
    } else if (as_text(bytes).find("\"user_challenge\"") != std::string_view::npos) {
        answer_challenge(index, bytes);
    } else {
        on_server_response(index, bytes);
    }
}

void Sessions::answer_challenge(std::size_t index, ByteView bytes) {
    const auto challenge = proto::decode_challenge(bytes);
    if (!challenge) {
        fail_with("bad challenge: " + challenge.err().context);
        return;
    }
    const Session& session = sessions_[index];
    proto::UserChallengeResponse response;
    response.signature = crypto::sign(session.keys, as_bytes(challenge->challenge));
    response.key = session.keys.public_key;
    response.server_challenge = crypto::random_hex16(); // its answer tells that we are in
    response.encoding = proto::Encoding::bson;
    send(index, std::make_shared<const Bytes>(proto::encode_challenge_response(response)));
}

void Sessions::on_server_response(std::size_t index, ByteView bytes) {
    const auto response = proto::decode_server_response(bytes);
    if (!response) {
        fail_with("bad handshake: " + response.err().context);
        return;
    }
    sessions_[index].state = State::ready;
    if (++ready_ == sessions_.size()) {
        handlers_.on_ready();
    }
}

void Sessions::send(std::size_t session, net::SharedBytes message) {
    sessions_[session].stream->send(std::move(message));
}

void Sessions::send(std::size_t session, const proto::UserRequest& request) {
    send(session,
         std::make_shared<const Bytes>(proto::encode_request(proto::Encoding::bson, request)));
}

void Sessions::fail_with(std::string why) {
    if (!failure_) {
        failure_ = std::move(why);
    }
    reactor_.stop();
}

} // namespace hp::bench
