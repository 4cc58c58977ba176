// SPDX-License-Identifier: Apache-2.0
// The users' side of the node: accepts connections, runs a Session for each, enforces who may
// connect (bans, limits per host and key), and delivers messages to users wherever they are
// connected. Reactor thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "hp/base/log.hpp"
#include "hp/config/config.hpp"
#include "hp/net/message_stream.hpp"
#include "user/ban_list.hpp"
#include "user/outbox.hpp"
#include "user/session.hpp"

namespace hp::node {

class UserPort {
public:
    struct Events {
        std::function<void(const PublicKey&)> on_joined;
        std::function<void(const PublicKey&)> on_left;
        std::function<void(user::SessionId, proto::UserRequest)> on_request;
    };

    // `config` and `unl` are read whenever a user connects: they show what is in force then.
    UserPort(net::Reactor& reactor, const config::Config& config, const Clock& clock, Events events,
             Log log);

    // Opens the port. `tls` absent: plain ws.
    Status listen(const std::optional<net::TlsFiles>& tls);

    // Says goodbye to everybody (1001) and accepts no more.
    void stop();

    // The session, or null when it is gone.
    user::Session* find(user::SessionId id);

    // To one session, if it still exists.
    void send(user::SessionId id, const proto::ServerMessage& message);

    // To the user's session, if there is one.
    void send_to_user(const PublicKey& user, const proto::ServerMessage& message);

    // To the user's session, or kept for a while until the user is back.
    void send_or_keep(const PublicKey& user, const proto::ServerMessage& message,
                      std::size_t approximate_bytes);

    // To every session subscribed to the channel. Encoded once per encoding.
    void publish(proto::Channel channel, const proto::ServerMessage& message);

    // The session sent something that could not be handled.
    void count_bad_message(user::SessionId id);

    std::size_t verified_sessions() const { return by_key_.size(); }
    std::uint16_t port() const { return listener_ ? listener_->port() : 0; }

private:
    struct Connection {
        std::shared_ptr<net::Stream> stream;
        user::Session session;
    };

    bool admit(const std::string& host);
    void on_stream(std::shared_ptr<net::Stream> stream);
    void on_aborted(const std::string& host, const std::string& why);
    void on_message(user::SessionId id, const Bytes& message);
    void on_close(user::SessionId id, const net::CloseInfo& info);
    void perform(user::SessionId id, user::Actions actions);
    void on_authenticated(user::SessionId id, const PublicKey& key);
    void close_for(user::SessionId id, const user::Close& close);
    void refuse(user::SessionId id, net::CloseCode code, const std::string& why);
    void send_bytes(Connection& connection, net::SharedBytes bytes);
    void leave_host(const std::string& host);
    void violation(const std::string& host, const std::string& why);
    void log_limited(const std::string& what, const std::string& host, const std::string& why);
    void schedule_tick();
    void tick();
    TimeMs now_ms() const { return clock_.now().mono_ms(); }

    net::Reactor& reactor_;
    const config::Config& config_;
    const Clock& clock_;
    Events events_;
    Log log_;
    std::unique_ptr<net::Listener> listener_;
    net::Timer tick_timer_;

    user::SessionId next_id_ = 1;
    std::map<user::SessionId, Connection> connections_;
    std::unordered_map<PublicKey, user::SessionId, IdHash<PublicKey>> by_key_;
    std::map<std::string, std::size_t> per_host_; // sockets from accept to close
    std::size_t sockets_ = 0;
    bool memory_short_ = false; // slow readers hold too much: no more is queued for them
    user::BanList bans_;
    user::Outbox outbox_;
    LogLimiter log_limiter_;
};

} // namespace hp::node
