// SPDX-License-Identifier: Apache-2.0
#include "node/user_port.hpp"

#include <algorithm>

#include "hp/base/limits.hpp"

namespace hp::node {
namespace {

constexpr std::int64_t tick_us = 250'000;

} // namespace

UserPort::UserPort(net::Reactor& reactor, const config::Config& config, const Clock& clock,
                   Events events, Log log)
    : reactor_(reactor), config_(config), clock_(clock), events_(std::move(events)),
      log_(std::move(log)), tick_timer_(reactor) {}

Status UserPort::listen(const std::optional<net::TlsFiles>& tls) {
    net::ListenOptions options;
    options.address = config_.user.address;
    options.port = config_.user.port;
    options.tls = tls;
    options.message_bytes_max = config_.user.max_bytes_per_msg > 0
                                    ? config_.user.max_bytes_per_msg
                                    : limits::user_message_bytes_default;
    options.send_queue_bytes_max = limits::send_queue_bytes_max;
    options.setup_timeout_ms = limits::handshake_timeout_ms;
    options.ping_interval_ms = limits::ping_interval_ms;
    net::ListenHandlers handlers;
    handlers.admit = [this](const std::string& host) { return admit(host); };
    handlers.on_stream = [this](std::shared_ptr<net::Stream> s) { on_stream(std::move(s)); };
    handlers.on_aborted = [this](const std::string& host, const std::string& why) {
        on_aborted(host, why);
    };
    HP_TRY(listener_, net::listen(reactor_, options, std::move(handlers), log_));
    schedule_tick();
    return {};
}

void UserPort::stop() {
    tick_timer_.cancel();
    if (listener_) {
        listener_->stop();
    }
    for (auto& [id, connection] : connections_) {
        connection.stream->close(net::CloseCode::going_away, "node is stopping");
    }
}

user::Session* UserPort::find(user::SessionId id) {
    const auto found = connections_.find(id);
    return found == connections_.end() ? nullptr : &found->second.session;
}

// --- coming and going ----------------------------------------------------------------------------

bool UserPort::admit(const std::string& host) {
    if (bans_.banned(host, now_ms())) {
        return false;
    }
    const std::size_t unverified = sockets_ - by_key_.size();
    const std::size_t here = per_host_.count(host) != 0 ? per_host_[host] : 0;
    const std::size_t per_host_max = config_.user.max_in_connections_per_host;
    if (unverified >= limits::unverified_sessions_max) {
        log_limited("refused a connection", host, "too many unverified connections");
        return false;
    }
    if (per_host_max > 0 && here >= per_host_max) {
        log_limited("refused a connection", host, "too many connections from this host");
        return false;
    }
    ++per_host_[host];
    ++sockets_;
    return true;
}

void UserPort::leave_host(const std::string& host) {
    --sockets_;
    const auto entry = per_host_.find(host);
    if (entry != per_host_.end() && --entry->second == 0) {
        per_host_.erase(entry);
    }
}

void UserPort::on_aborted(const std::string& host, const std::string& why) {
    leave_host(host);
    log_limited("connection was not set up", host, why);
}

void UserPort::on_stream(std::shared_ptr<net::Stream> stream) {
    const user::SessionId id = next_id_++;
    const user::SessionRules rules{config_.user.max_bytes_per_min,
                                   config_.user.max_bad_msgs_per_min, config_.user.idle_timeout,
                                   config_.contract.execute &&
                                       config_.user.concurrent_read_requests > 0};
    user::Session session(id, stream->remote_host(), rules, now_ms());
    auto [entry, fresh] = connections_.try_emplace(id, Connection{stream, std::move(session)});
    Connection& connection = entry->second;
    const Bytes challenge = connection.session.open(
        config_.contract.id, config_.contract.patch.version, crypto::random_hex16());
    stream->start([this, id](const Bytes& message) { on_message(id, message); },
                  [this, id](const net::CloseInfo& info) { on_close(id, info); });
    send_bytes(connection, std::make_shared<const Bytes>(challenge));
}

void UserPort::on_close(user::SessionId id, const net::CloseInfo& info) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) {
        return;
    }
    const user::Session& session = found->second.session;
    const PublicKey key = session.key();
    const auto registered = by_key_.find(key);
    const bool was_user = registered != by_key_.end() && registered->second == id;
    if (info.code == static_cast<std::uint16_t>(net::CloseCode::protocol_error) ||
        info.code == static_cast<std::uint16_t>(net::CloseCode::too_big)) {
        log_limited("connection broke the protocol", session.host(), info.reason);
    }
    leave_host(session.host());
    connections_.erase(found);
    if (was_user) {
        by_key_.erase(registered);
        log_.debug("user left", {{"key", key.short_hex()}, {"code", info.code}});
        events_.on_left(key);
    }
}

void UserPort::on_authenticated(user::SessionId id, const PublicKey& key) {
    const std::size_t sessions_max = config_.user.max_connections > 0
                                         ? std::size_t{config_.user.max_connections}
                                         : limits::user_sessions_max;
    // Refused before the server answers, so that the client does not believe it is connected (I3).
    if (by_key_.count(key) != 0) {
        refuse(id, net::CloseCode::policy, "this key is connected already");
        return;
    }
    if (by_key_.size() >= sessions_max) {
        refuse(id, net::CloseCode::try_later, "the node serves as many users as it may");
        return;
    }
    Connection& connection = connections_.at(id);
    const std::set<PublicKey>& unl = config_.contract.patch.unl;
    auto response = connection.session.accept(now_ms(), config_.node.keys,
                                              std::vector<PublicKey>(unl.begin(), unl.end()));
    by_key_.emplace(key, id);
    if (response) {
        send_bytes(connection, std::make_shared<const Bytes>(std::move(*response)));
    }
    log_.debug("user joined", {{"key", key.short_hex()}, {"host", connection.session.host()}});
    events_.on_joined(key);
    for (const proto::ServerMessage& kept : outbox_.take(key, now_ms())) {
        send(id, kept);
    }
}

void UserPort::refuse(user::SessionId id, net::CloseCode code, const std::string& why) {
    Connection& connection = connections_.at(id);
    log_limited("refused a user", connection.session.host(), why);
    connection.stream->close(code, why);
}

// --- messages ------------------------------------------------------------------------------------

void UserPort::on_message(user::SessionId id, const Bytes& message) {
    user::Session* session = find(id);
    if (session == nullptr) {
        return;
    }
    user::Actions actions;
    session->on_message(now_ms(), message, actions);
    perform(id, std::move(actions));
}

void UserPort::count_bad_message(user::SessionId id) {
    if (user::Session* session = find(id)) {
        user::Actions actions;
        session->on_bad_message(now_ms(), actions);
        perform(id, std::move(actions));
    }
}

void UserPort::perform(user::SessionId id, user::Actions actions) {
    for (user::Action& action : actions) {
        const auto connection = connections_.find(id);
        if (connection == connections_.end()) {
            return;
        }
        if (auto* reply = std::get_if<user::Reply>(&action)) {
            send_bytes(connection->second,
                       std::make_shared<const Bytes>(std::move(reply->message)));
        } else if (auto* request = std::get_if<user::Request>(&action)) {
            events_.on_request(id, std::move(request->request));
        } else if (const auto* authenticated = std::get_if<user::Authenticated>(&action)) {
            on_authenticated(id, authenticated->key);
        } else if (const auto* close = std::get_if<user::Close>(&action)) {
            close_for(id, *close);
        }
    }
}

void UserPort::close_for(user::SessionId id, const user::Close& close) {
    Connection& connection = connections_.at(id);
    violation(connection.session.host(), close.why);
    connection.stream->close(net::CloseCode::policy, close.why);
}

void UserPort::violation(const std::string& host, const std::string& why) {
    log_limited("closed a connection", host, why);
    if (bans_.violation(host, now_ms())) {
        log_.warning("host is banned for ten minutes", {{"host", host}, {"last", why}});
    }
}

void UserPort::send(user::SessionId id, const proto::ServerMessage& message) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) {
        return;
    }
    Bytes bytes = proto::encode_message(found->second.session.encoding(), message);
    send_bytes(found->second, std::make_shared<const Bytes>(std::move(bytes)));
}

void UserPort::send_to_user(const PublicKey& user, const proto::ServerMessage& message) {
    if (const auto session = by_key_.find(user); session != by_key_.end()) {
        send(session->second, message);
    }
}

void UserPort::send_or_keep(const PublicKey& user, const proto::ServerMessage& message,
                            std::size_t approximate_bytes) {
    if (const auto session = by_key_.find(user); session != by_key_.end()) {
        send(session->second, message);
    } else {
        outbox_.put(user, message, approximate_bytes, now_ms());
    }
}

void UserPort::publish(proto::Channel channel, const proto::ServerMessage& message) {
    net::SharedBytes encoded[2]; // by encoding, made when first needed
    for (auto& [key, id] : by_key_) {
        Connection& connection = connections_.at(id);
        if (!connection.session.subscribed(channel)) {
            continue;
        }
        const proto::Encoding encoding = connection.session.encoding();
        net::SharedBytes& bytes = encoded[static_cast<std::size_t>(encoding)];
        if (!bytes) {
            bytes = std::make_shared<const Bytes>(proto::encode_message(encoding, message));
        }
        send_bytes(connection, bytes);
    }
}

void UserPort::send_bytes(Connection& connection, net::SharedBytes bytes) {
    if (bytes->empty() || bytes->size() > limits::reply_bytes_max) {
        log_limited("dropped a message that is too large", connection.session.host(),
                    std::to_string(bytes->size()) + " bytes");
        return;
    }
    if (memory_short_ && connection.stream->queued_bytes() > limits::slow_reader_bytes) {
        connection.stream->close(net::CloseCode::try_later, "reads too slowly");
        return;
    }
    connection.session.on_sent(now_ms());
    connection.stream->send(std::move(bytes));
}

// --- time ----------------------------------------------------------------------------------------

void UserPort::schedule_tick() {
    tick_timer_.arm_after(tick_us, [this] { tick(); });
}

void UserPort::tick() {
    std::vector<std::pair<user::SessionId, user::Close>> closing;
    std::size_t queued = 0;
    for (auto& [id, connection] : connections_) {
        queued += connection.stream->queued_bytes();
        user::Actions actions;
        connection.session.on_tick(now_ms(), actions);
        for (const user::Action& action : actions) {
            closing.emplace_back(id, std::get<user::Close>(action));
        }
    }
    for (const auto& [id, close] : closing) {
        if (connections_.count(id) != 0) {
            close_for(id, close);
        }
    }
    memory_short_ = queued > limits::send_queues_bytes_max;
    outbox_.expire(now_ms());
    schedule_tick();
}

void UserPort::log_limited(const std::string& what, const std::string& host,
                           const std::string& why) {
    if (const auto left_out = log_limiter_.admit(what + host, now_ms())) {
        log_.warning(what, {{"host", host}, {"why", why}, {"not_logged", *left_out}});
    }
}

} // namespace hp::node
