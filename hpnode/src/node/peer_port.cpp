// SPDX-License-Identifier: Apache-2.0
#include "node/peer_port.hpp"

#include <algorithm>

#include "hp/base/limits.hpp"
#include "hp/crypto/blake3.hpp"

namespace hp::node {
namespace {

constexpr std::int64_t calling_tick_us = 25'000; // while a known peer is not connected
constexpr std::int64_t quiet_tick_us = 1'000'000;

std::size_t lane_bytes_max(Lane lane) {
    switch (lane) {
    case Lane::votes:
        return limits::peer_vote_lane_bytes_max;
    case Lane::inputs:
        return limits::peer_input_lane_bytes_max;
    case Lane::bulk:
        break;
    }
    return limits::peer_bulk_lane_bytes_max;
}

std::string text(const std::string& host, std::uint16_t port) {
    return host + ":" + std::to_string(port);
}

std::size_t message_bytes_max(const config::Mesh& mesh) {
    return mesh.max_bytes_per_msg > 0 ? mesh.max_bytes_per_msg : limits::peer_message_bytes_max;
}

constexpr std::size_t stream_queue_bytes_max =
    limits::peer_message_bytes_max + 2 * limits::peer_burst_bytes;

} // namespace

net::SharedBytes make_frame(const peer::PeerMessage& message) {
    return std::make_shared<const Bytes>(peer::encode_frame(message));
}

PeerPort::PeerPort(net::Reactor& reactor, const config::Config& config, const Clock& clock,
                   const KnownPeers& known, Events events, Log log)
    : reactor_(reactor), config_(config), clock_(clock), known_(known), events_(std::move(events)),
      log_(std::move(log)), own_{config.node.keys, crypto::b3(as_bytes(config.contract.id)), 0},
      tick_timer_(reactor), delay_timer_(reactor) {}

Status PeerPort::listen(const net::TlsFiles& tls) {
    net::ListenOptions options;
    options.address = config_.mesh.address;
    options.port = config_.mesh.port;
    options.tls = tls;
    options.tls13_only = true;
    options.message_bytes_max = limits::handshake_message_bytes_max;
    options.send_queue_bytes_max = stream_queue_bytes_max;
    options.setup_timeout_ms = limits::handshake_timeout_ms;
    options.ping_interval_ms = limits::peer_ping_interval_ms;
    net::ListenHandlers handlers;
    handlers.admit = [this](const std::string& host) { return admit(host); };
    handlers.on_stream = [this](std::shared_ptr<net::Stream> s) { add(std::move(s), {}); };
    handlers.on_aborted = [this](const std::string& host, const std::string& why) {
        leave_host(host);
        log_limited("connection of a node was not set up", host, why);
    };
    HP_TRY(listener_, net::listen(reactor_, options, std::move(handlers), log_));
    own_.listen_port = listener_->port();
    return {};
}

void PeerPort::start() {
    tick();
}

void PeerPort::stop() {
    stopping_ = true;
    tick_timer_.cancel();
    if (listener_) {
        listener_->stop();
    }
    for (auto& [id, connection] : connections_) {
        connection.stream->close(net::CloseCode::going_away, "node is stopping");
    }
}

// --- coming --------------------------------------------------------------------------------------

bool PeerPort::admit(const std::string& host) {
    if (stopping_ || bans_.banned(host, now_ms())) {
        return false;
    }
    const config::Mesh& mesh = config_.mesh;
    const std::size_t connections_max =
        mesh.max_connections > 0 ? mesh.max_connections : limits::peer_connections_max;
    const std::size_t here = per_host_.count(host) != 0 ? per_host_[host] : 0;
    const auto proven = static_cast<std::size_t>(
        std::count_if(connections_.begin(), connections_.end(), [](const auto& entry) {
            return entry.second.address.empty() && entry.second.session.is_established();
        }));
    if (accepted_ - proven >= limits::unproven_peers_max ||
        connections_.size() >= connections_max ||
        (mesh.max_in_connections_per_host > 0 && here >= mesh.max_in_connections_per_host)) {
        log_limited("refused the connection of a node", host, "too many connections");
        return false;
    }
    ++per_host_[host];
    ++accepted_;
    return true;
}

void PeerPort::leave_host(const std::string& host) {
    --accepted_;
    const auto entry = per_host_.find(host);
    if (entry != per_host_.end() && --entry->second == 0) {
        per_host_.erase(entry);
    }
}

// --- calling -------------------------------------------------------------------------------------

void PeerPort::call_known_peers() {
    std::set<std::string> wanted;
    for (const config::HostPort& address : known_.list()) {
        wanted.insert(text(address.host, address.port));
    }
    if (config_.mesh.peer_discovery) {
        wanted.insert(learnt_.begin(), learnt_.end());
    }
    std::erase_if(targets_, [&](const auto& entry) {
        return wanted.count(entry.first) == 0 && !entry.second.calling && !entry.second.connection;
    });
    std::size_t called = 0;
    for (const std::string& address : wanted) {
        Target& target = targets_[address];
        called += target.calling || target.connection ? 1 : 0;
    }
    const std::size_t called_max = config_.mesh.max_known_connections;
    for (const std::string& address : wanted) {
        Target& target = targets_[address];
        if (may_call(target) && (called_max == 0 || called < called_max)) {
            ++called;
            call(address, target);
        }
    }
}

bool PeerPort::may_call(const Target& target) const {
    return !target.calling && !target.connection && !target.is_self &&
           now_ms() >= target.next_try_ms && !(target.key && is_connected(*target.key));
}

void PeerPort::call(const std::string& address, Target& target) {
    target.calling = true;
    net::ConnectOptions options;
    options.url = "wss://" + address;
    options.tls13_only = true;
    options.message_bytes_max = limits::handshake_message_bytes_max;
    options.send_queue_bytes_max = stream_queue_bytes_max;
    options.timeout_ms = limits::handshake_timeout_ms;
    options.ping_interval_ms = limits::peer_ping_interval_ms;
    net::connect(reactor_, options, [this, address](Result<std::shared_ptr<net::Stream>> stream) {
        on_called(address, std::move(stream));
    });
}

void PeerPort::on_called(const std::string& address, Result<std::shared_ptr<net::Stream>> stream) {
    Target& target = targets_[address];
    target.calling = false;
    if (stream && !stopping_) {
        add(std::move(*stream), address);
        return;
    }
    if (!stream) {
        log_.debug("peer cannot be reached", {{"address", address}, {"why", stream.err().context}});
    }
    retry_later(address);
}

void PeerPort::retry_later(const std::string& address) {
    Target& target = targets_[address];
    target.next_try_ms = now_ms() + std::max(target.pause_ms, limits::peer_retry_first_ms);
    target.pause_ms = std::clamp(2 * target.pause_ms, 2 * limits::peer_retry_first_ms,
                                 limits::peer_retry_last_ms);
}

// --- connections ---------------------------------------------------------------------------------

void PeerPort::add(std::shared_ptr<net::Stream> stream, const std::string& address) {
    const config::Mesh& mesh = config_.mesh;
    const Id id = next_id_++;
    const bool caller = !address.empty();
    Connection made{stream,
                    peer::PeerSession(own_, caller, stream->channel_binding()),
                    address,
                    now_ms(),
                    now_ms(),
                    {},
                    user::RateWindow(mesh.max_bytes_per_min),
                    user::RateWindow(mesh.max_bad_msgs_per_min),
                    user::RateWindow(mesh.max_bad_msgsigs_per_min),
                    user::RateWindow(mesh.max_dup_msgs_per_min)};
    Connection& connection = connections_.emplace(id, std::move(made)).first->second;
    if (caller) {
        targets_[address].connection = id;
    }
    stream->on_drained([this, id] {
        if (const auto found = connections_.find(id); found != connections_.end()) {
            pump(found->second);
        }
    });
    stream->start([this, id](const Bytes& message) { on_message(id, message); },
                  [this, id](const net::CloseInfo& info) { on_close(id, info); });
    stream->send(std::make_shared<const Bytes>(connection.session.hello()));
}

void PeerPort::on_message(Id id, const Bytes& message) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) {
        return;
    }
    Connection& connection = found->second;
    connection.heard_ms = now_ms();
    ++traffic_.messages_in;
    traffic_.bytes_in += message.size();
    if (connection.bytes.add(now_ms(), message.size())) {
        end(connection, net::CloseCode::policy, "more bytes a minute than mesh.max_bytes_per_min");
        return;
    }
    if (connection.session.is_established() && faults_.blocks(connection.session.key())) {
        return;
    }
    if (config_.mesh.max_dup_msgs_per_min > 0 && connection.session.is_established()) {
        count_repeat(connection, message);
    }
    auto step = connection.session.on_message(message);
    if (!step) {
        if (step.err().code == Errc::exists && !connection.address.empty()) {
            targets_[connection.address].is_self = true;
        }
        if (connection.session.is_established()) {
            offends(connection, Offence::bad_message, step.err().context);
        } else {
            end(connection, net::CloseCode::policy, step.err().context);
        }
        return;
    }
    if (!step->reply.empty()) {
        connection.stream->send(std::make_shared<const Bytes>(std::move(step->reply)));
    }
    if (step->established) {
        on_established(id);
    } else if (step->message) {
        events_.on_message(connection.session.key(), std::move(*step->message));
    }
}

// Two nodes that call each other at once end up with two connections; both keep the one that was
// made by the smaller key. Of two in the same direction the newer one is alive.
void PeerPort::on_established(Id id) {
    Connection& connection = connections_.at(id);
    const PublicKey key = connection.session.key();
    connection.stream->limit_messages(message_bytes_max(config_.mesh));
    if (!connection.address.empty()) {
        Target& target = targets_[connection.address];
        target.key = key;
        target.pause_ms = 0;
    }
    const auto known = by_key_.find(key);
    if (known != by_key_.end()) {
        Connection& other = connections_.at(known->second);
        const bool ours_counts = own_.keys.public_key < key;
        const bool opposite = other.session.is_caller() != connection.session.is_caller();
        if (opposite && connection.session.is_caller() != ours_counts) {
            end(connection, net::CloseCode::normal, "connected already");
            return;
        }
        known->second = id;
        end(other, net::CloseCode::normal, "connected anew");
        events_.on_joined(key); // whatever was on its way to it may be lost
        return;
    }
    by_key_[key] = id;
    log_.info("peer connected", {{"peer", key.short_hex()},
                                 {"host", connection.stream->remote_host()},
                                 {"peers", by_key_.size()}});
    events_.on_joined(key);
}

void PeerPort::on_close(Id id, const net::CloseInfo& info) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) {
        return;
    }
    const Connection connection = std::move(found->second);
    connections_.erase(found);
    if (connection.address.empty()) {
        leave_host(connection.stream->remote_host());
    } else {
        targets_[connection.address].connection.reset();
        retry_later(connection.address);
    }
    const PublicKey key = connection.session.key();
    tick_timer_.arm_after(calling_tick_us, [this] { tick(); });
    const auto registered = by_key_.find(key);
    if (registered == by_key_.end() || registered->second != id) {
        if (!connection.session.is_established()) {
            log_limited("a node was not accepted as a peer", connection.stream->remote_host(),
                        info.reason.empty() ? "the connection ended" : info.reason);
        }
        return;
    }
    by_key_.erase(registered);
    log_.info("peer disconnected", {{"peer", key.short_hex()},
                                    {"why", info.reason},
                                    {"code", info.code},
                                    {"peers", by_key_.size()}});
    events_.on_left(key);
}

void PeerPort::offends(const PublicKey& peer, Offence offence, const std::string& why) {
    if (const auto found = by_key_.find(peer); found != by_key_.end()) {
        offends(connections_.at(found->second), offence, why);
    }
}

void PeerPort::offends(Connection& connection, Offence offence, const std::string& why) {
    const std::string who = connection.session.key().short_hex();
    log_limited("a peer sent what no honest node sends", who, why);
    user::RateWindow& window = offence == Offence::bad_message     ? connection.bad_messages
                               : offence == Offence::bad_signature ? connection.bad_signatures
                                                                   : connection.repeats;
    if (window.add(now_ms(), 1)) {
        const std::string& host = connection.stream->remote_host();
        if (bans_.violation(host, now_ms())) {
            log_.warning("host of a peer is banned for ten minutes", {{"host", host}});
        }
        end(connection, net::CloseCode::policy, why);
    }
}

void PeerPort::count_repeat(Connection& connection, const Bytes& message) {
    if (connection.recent.is_repeat(now_ms(), crypto::b3(message))) {
        offends(connection, Offence::repeat, "it says the same again and again at once");
    }
}

void PeerPort::end(Connection& connection, net::CloseCode code, const std::string& why) {
    connection.stream->close(code, why);
}

// --- sending -------------------------------------------------------------------------------------

void PeerPort::send(const PublicKey& peer, Lane lane, const net::SharedBytes& message) {
    if (const auto found = by_key_.find(peer); found != by_key_.end()) {
        send_faultily(connections_.at(found->second), found->second, lane, message);
    }
}

void PeerPort::broadcast(Lane lane, const net::SharedBytes& message,
                         const std::function<bool(const PublicKey&)>& chosen) {
    for (const auto& [key, id] : by_key_) {
        if (chosen(key)) {
            send_faultily(connections_.at(id), id, lane, message);
        }
    }
}

void PeerPort::set_faults(LinkFaults faults) {
    faults_ = std::move(faults);
}

void PeerPort::send_faultily(Connection& connection, Id id, Lane lane,
                             const net::SharedBytes& message) {
    if (faults_.empty() && delayed_.empty()) {
        queue(connection, lane, message);
        return;
    }
    const std::int64_t now_us = clock_.now().mono_us;
    for (const std::int64_t at_us :
         faults_.departures(connection.session.key(), lane, message->size(), now_us)) {
        if (at_us <= now_us) {
            queue(connection, lane, message);
        } else if (delayed_bytes_ + message->size() <= limits::peer_bulk_lane_bytes_max) {
            delayed_bytes_ += message->size();
            delayed_.emplace(at_us, Delayed{id, lane, message});
        }
    }
    send_delayed();
}

void PeerPort::send_delayed() {
    const std::int64_t now_us = clock_.now().mono_us;
    while (!delayed_.empty() && delayed_.begin()->first <= now_us) {
        const Delayed due = std::move(delayed_.begin()->second);
        delayed_.erase(delayed_.begin());
        delayed_bytes_ -= due.message->size();
        if (const auto found = connections_.find(due.connection); found != connections_.end()) {
            queue(found->second, due.lane, due.message);
        }
    }
    if (!delayed_.empty()) {
        delay_timer_.arm_at(delayed_.begin()->first, [this] { send_delayed(); });
    }
}

void PeerPort::queue(Connection& connection, Lane lane, const net::SharedBytes& message) {
    Queue& queue = connection.lanes[static_cast<std::size_t>(lane)];
    if (queue.bytes + message->size() > lane_bytes_max(lane)) {
        log_limited("a peer does not read; messages for it are dropped",
                    connection.session.key().short_hex(), "its queue is full");
        return;
    }
    queue.bytes += message->size();
    queue.messages.push_back(message);
    pump(connection);
}

void PeerPort::pump(Connection& connection) {
    for (Queue& queue : connection.lanes) {
        while (!queue.messages.empty()) {
            if (connection.stream->queued_bytes() >= limits::peer_burst_bytes) {
                return;
            }
            const net::SharedBytes message = std::move(queue.messages.front());
            queue.messages.pop_front();
            queue.bytes -= message->size();
            ++traffic_.messages_out;
            traffic_.bytes_out += message->size();
            connection.stream->send(message);
        }
    }
}

void PeerPort::pause(const PublicKey& peer, bool paused) {
    if (const auto found = by_key_.find(peer); found != by_key_.end()) {
        connections_.at(found->second).stream->pause_reading(paused);
    }
}

std::vector<PublicKey> PeerPort::connected() const {
    std::vector<PublicKey> out;
    for (const auto& [key, id] : by_key_) {
        out.push_back(key);
    }
    return out;
}

std::vector<peer::Address> PeerPort::addresses() const {
    std::vector<peer::Address> out;
    for (const auto& [key, id] : by_key_) {
        const Connection& connection = connections_.at(id);
        if (connection.session.listen_port() != 0) {
            out.push_back({connection.stream->remote_host(), connection.session.listen_port()});
        }
    }
    std::sort(out.begin(), out.end());
    return out;
}

// Whoever is connected already would only be called in vain.
void PeerPort::learn(const std::vector<peer::Address>& addresses) {
    const std::vector<peer::Address> have = this->addresses();
    for (const peer::Address& address : addresses) {
        if (learnt_.size() < limits::known_peers_max &&
            !std::binary_search(have.begin(), have.end(), address)) {
            learnt_.insert(text(address.host, address.port));
        }
    }
    tick_timer_.arm_after(calling_tick_us, [this] { tick(); });
}

// --- time ----------------------------------------------------------------------------------------

void PeerPort::tick() {
    const std::int64_t idle_ms = config_.mesh.idle_timeout;
    for (auto& [id, connection] : connections_) {
        if (!connection.session.is_established() &&
            now_ms() - connection.since_ms > limits::handshake_timeout_ms) {
            end(connection, net::CloseCode::policy, "did not prove its key in time");
        } else if (idle_ms > 0 && now_ms() - connection.heard_ms > idle_ms) {
            end(connection, net::CloseCode::normal, "nothing heard for mesh.idle_timeout");
        }
    }
    call_known_peers();
    const bool calling = std::any_of(targets_.begin(), targets_.end(), [this](const auto& entry) {
        const Target& target = entry.second;
        return !target.connection && !target.is_self && !(target.key && is_connected(*target.key));
    });
    tick_timer_.arm_after(calling || connections_.size() > by_key_.size() ? calling_tick_us
                                                                          : quiet_tick_us,
                          [this] { tick(); });
}

void PeerPort::log_limited(const std::string& what, const std::string& who,
                           const std::string& why) {
    if (const auto left_out = log_limiter_.admit(what + who, now_ms())) {
        log_.warning(what, {{"peer", who}, {"why", why}, {"not_logged", *left_out}});
    }
}

} // namespace hp::node
