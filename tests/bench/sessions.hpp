// SPDX-License-Identifier: Apache-2.0
// Authenticated BSON sessions with one node, on libshared's streams and codec alone: as little work
// as possible on this side, because it runs on the machine that is measured. Any failure ends the
// reactor's run; a benchmark with a lost connection has no result. Reactor thread only.
#pragma once

#include "hp/crypto/keys.hpp"
#include "hp/net/message_stream.hpp"
#include "hp/proto/user_message.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace hp::bench {

class Sessions {
public:
    struct Handlers {
        std::function<void()> on_ready; // all sessions are authenticated
        std::function<void(std::size_t session, proto::ServerMessage)> on_message;
    };

    // Each session has a fresh key of its own.
    Sessions(net::Reactor& reactor, std::string url, std::size_t count, Handlers handlers);
    Sessions(const Sessions&) = delete;
    Sessions& operator=(const Sessions&) = delete;

    void open();
    void send(std::size_t session, net::SharedBytes message);
    void send(std::size_t session, const proto::UserRequest& request);

    std::size_t count() const { return sessions_.size(); }
    const crypto::KeyPair& keys(std::size_t session) const { return sessions_[session].keys; }
    const std::optional<std::string>& failure() const { return failure_; }

private:
    enum class State : std::uint8_t { connecting, challenged, ready };
    struct Session {
        crypto::KeyPair keys;
        std::shared_ptr<net::Stream> stream;
        State state = State::connecting;
    };

    void on_connected(std::size_t index, Result<std::shared_ptr<net::Stream>> stream);
    void on_bytes(std::size_t index, ByteView bytes);
    void answer_challenge(std::size_t index, ByteView bytes);
    void on_server_response(std::size_t index, ByteView bytes);
    void fail_with(std::string why);

    net::Reactor& reactor_;
    std::string url_;
    Handlers handlers_;
    std::vector<Session> sessions_;
    std::size_t ready_ = 0;
    std::optional<std::string> failure_;
};

} // namespace hp::bench
