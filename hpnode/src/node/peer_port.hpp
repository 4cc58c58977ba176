// SPDX-License-Identifier: Apache-2.0
// The node's connections to other nodes (consensus.md 6.4.11): accepts them, calls the peers that
// are known, runs a PeerSession on each, keeps one connection per key, and sends what is urgent
// first. Whom a message counts for is decided elsewhere. Reactor thread only.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "hp/base/log.hpp"
#include "hp/config/config.hpp"
#include "hp/net/message_stream.hpp"
#include "node/known_peers.hpp"
#include "node/link_faults.hpp"
#include "node/repeat_window.hpp"
#include "node/status.hpp"
#include "peer/peer_session.hpp"
#include "user/ban_list.hpp"
#include "user/rate_window.hpp"

namespace hp::node {

// What is sent to one peer or many.
net::SharedBytes make_frame(const peer::PeerMessage& message);

class PeerPort {
public:
    struct Events {
        std::function<void(const PublicKey&)> on_joined;
        std::function<void(const PublicKey&)> on_left;
        std::function<void(const PublicKey&, peer::PeerMessage)> on_message;
    };

    // All references must outlive the port. `config` and `known` are read whenever they matter.
    PeerPort(net::Reactor& reactor, const config::Config& config, const Clock& clock,
             const KnownPeers& known, Events events, Log log);

    // Opens the port.
    Status listen(const net::TlsFiles& tls);
    // Begins to call known peers.
    void start();
    // Says goodbye to everybody (1001), calls and accepts nobody any more.
    void stop();

    // To one peer; nothing happens when it is not connected.
    void send(const PublicKey& peer, Lane lane, const net::SharedBytes& message);
    // To every connected peer that `chosen` wants.
    void broadcast(Lane lane, const net::SharedBytes& message,
                   const std::function<bool(const PublicKey&)>& chosen);

    // Development clusters: what happens to messages from now on.
    void set_faults(LinkFaults faults);

    // Back-pressure: reads nothing more from this peer, or goes on.
    void pause(const PublicKey& peer, bool paused);

    // The peer sent something no honest node sends. What exceeds the limits of hp.cfg ends the
    // connection; who does it often is not let in for a while.
    enum class Offence : std::uint8_t { bad_message, bad_signature, repeat };
    void offends(const PublicKey& peer, Offence offence, const std::string& why);

    bool is_connected(const PublicKey& peer) const { return by_key_.count(peer) != 0; }
    std::vector<PublicKey> connected() const;
    // Where connected peers take connections themselves, as far as they do.
    std::vector<peer::Address> addresses() const;
    // Peers told of these: they are called like known ones, while this process lives.
    void learn(const std::vector<peer::Address>& addresses);
    const Traffic& traffic() const { return traffic_; }
    std::uint16_t port() const { return listener_ ? listener_->port() : 0; }

private:
    using Id = std::uint64_t;
    struct Queue {
        std::deque<net::SharedBytes> messages;
        std::size_t bytes = 0;
    };
    struct Connection {
        std::shared_ptr<net::Stream> stream;
        peer::PeerSession session;
        std::string address; // of the known peer that was called; empty when it called us
        TimeMs since_ms = 0;
        TimeMs heard_ms = 0;
        std::array<Queue, 3> lanes{};
        user::RateWindow bytes;
        user::RateWindow bad_messages;
        user::RateWindow bad_signatures;
        user::RateWindow repeats;
        RepeatWindow recent{};
    };
    // A known peer, by its address.
    struct Target {
        bool calling = false;
        std::optional<Id> connection{}; // made by calling it
        std::optional<PublicKey> key{}; // who answered there last
        bool is_self = false;
        TimeMs next_try_ms = 0;
        std::int64_t pause_ms = 0;
    };

    bool admit(const std::string& host);
    void leave_host(const std::string& host);
    void call_known_peers();
    bool may_call(const Target& target) const;
    void call(const std::string& address, Target& target);
    void on_called(const std::string& address, Result<std::shared_ptr<net::Stream>> stream);
    void retry_later(const std::string& address);
    void add(std::shared_ptr<net::Stream> stream, const std::string& address);
    void on_message(Id id, const Bytes& message);
    void on_established(Id id);
    void on_close(Id id, const net::CloseInfo& info);
    void offends(Connection& connection, Offence offence, const std::string& why);
    void count_repeat(Connection& connection, const Bytes& message);
    void end(Connection& connection, net::CloseCode code, const std::string& why);
    void queue(Connection& connection, Lane lane, const net::SharedBytes& message);
    void send_faultily(Connection& connection, Id id, Lane lane, const net::SharedBytes& message);
    void send_delayed();
    void pump(Connection& connection);
    void tick();
    void log_limited(const std::string& what, const std::string& who, const std::string& why);
    TimeMs now_ms() const { return clock_.now().mono_ms(); }

    net::Reactor& reactor_;
    const config::Config& config_;
    const Clock& clock_;
    const KnownPeers& known_;
    Events events_;
    Log log_;
    peer::Own own_;
    std::unique_ptr<net::Listener> listener_;
    net::Timer tick_timer_;
    bool stopping_ = false;

    Id next_id_ = 1;
    std::map<Id, Connection> connections_;
    std::map<PublicKey, Id> by_key_; // established
    std::map<std::string, Target> targets_;
    std::set<std::string> learnt_;                // addresses that other nodes told us
    std::map<std::string, std::size_t> per_host_; // accepted sockets
    std::size_t accepted_ = 0;
    user::BanList bans_;
    struct Delayed {
        Id connection;
        Lane lane;
        net::SharedBytes message;
    };
    LinkFaults faults_;
    std::multimap<std::int64_t, Delayed> delayed_; // by departure
    std::size_t delayed_bytes_ = 0;
    net::Timer delay_timer_;
    LogLimiter log_limiter_;
    Traffic traffic_;
};

} // namespace hp::node
