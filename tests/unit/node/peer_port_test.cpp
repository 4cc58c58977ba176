// SPDX-License-Identifier: Apache-2.0
// The limits of hp.cfg's mesh section, each on real connections: what is within a limit passes,
// what is beyond it does not.
#include <catch2/catch.hpp>

#include "hp/base/limits.hpp"
#include "hp/crypto/keys.hpp"
#include "hp/net/tls.hpp"
#include "net_support.hpp"
#include "node/peer_port.hpp"

using namespace hp;
using namespace hp::node;
using net::test::LoopThread;

namespace {

class ShiftedClock final : public Clock {
public:
    Instant now() const override {
        Instant now = SystemClock().now();
        now.mono_us += shift_us;
        return now;
    }
    std::int64_t shift_us = 0;
};

// A mesh of ports; they live on the loop.
class Mesh {
public:
    struct Peer {
        ShiftedClock clock;
        config::Config config;
        std::unique_ptr<KnownPeers> known;
        std::unique_ptr<PeerPort> port;
        std::size_t joined = 0;
        std::size_t left = 0;
        std::size_t messages = 0;
        PublicKey key() const { return config.node.keys.public_key; }
    };

    Mesh() {
        crypto::init();
        REQUIRE(net::make_self_signed(dir_.tls_files(), "test"));
    }
    ~Mesh() {
        loop_.call([this] {
            for (const auto& peer : peers_) {
                peer->port->stop();
            }
        });
        loop_.stop();
    }

    Peer& listening(const config::Mesh& mesh) {
        Peer& peer = make(mesh, {});
        loop_.call([&] { REQUIRE(peer.port->listen(dir_.tls_files())); });
        return peer;
    }
    Peer& calling(const std::vector<const Peer*>& others, const config::Mesh& mesh = {}) {
        KnownPeers::List known;
        for (const Peer* other : others) {
            known.push_back({"127.0.0.1", loop_.call([&] { return other->port->port(); })});
        }
        Peer& peer = make(mesh, known);
        loop_.call([&] { peer.port->start(); });
        return peer;
    }
    std::size_t connected(const Peer& peer) {
        return loop_.call([&] { return peer.port->connected().size(); });
    }
    bool wait_connected(const Peer& peer, std::size_t count) {
        return loop_.wait([&] { return peer.port->connected().size() == count; });
    }
    bool wait_left(const Peer& peer, std::size_t count) {
        return loop_.wait([&] { return peer.left >= count; });
    }
    // A message of that size, other than all before.
    void say(Peer& from, const Peer& to, std::size_t bytes) {
        Bytes content(bytes - 1, static_cast<std::uint8_t>(++said_));
        content[0] = static_cast<std::uint8_t>(said_ >> 8);
        send(from, to, peer::encode_frame(peer::PeerMessage(peer::Agreement{content})));
    }
    void send(Peer& from, const Peer& to, Bytes frame) {
        loop_.call([&] {
            from.port->send(to.key(), Lane::votes, std::make_shared<const Bytes>(std::move(frame)));
        });
    }
    LoopThread& loop() { return loop_; }

private:
    Peer& make(const config::Mesh& mesh, const KnownPeers::List& known) {
        peers_.push_back(std::make_unique<Peer>());
        Peer& peer = *peers_.back();
        peer.config.node.keys = crypto::make_key_pair();
        peer.config.contract.id = "mesh";
        peer.config.mesh = mesh;
        peer.config.mesh.port = 0;
        peer.config.mesh.peer_discovery = false;
        peer.known = std::make_unique<KnownPeers>(known);
        PeerPort::Events events;
        events.on_joined = [&peer](const PublicKey&) { ++peer.joined; };
        events.on_left = [&peer](const PublicKey&) { ++peer.left; };
        events.on_message = [&peer](const PublicKey&, const peer::PeerMessage&) {
            ++peer.messages;
        };
        loop_.call([&] {
            peer.port = std::make_unique<PeerPort>(loop_.reactor(), peer.config, peer.clock,
                                                   *peer.known, std::move(events), Log());
        });
        return peer;
    }

    net::test::TempDir dir_;
    LoopThread loop_;
    std::vector<std::unique_ptr<Peer>> peers_; // destroyed when the loop stands still
    unsigned said_ = 0;
};

constexpr int tries = 20; // of things that must not happen

// Whoever calls goes on calling; it must not get in.
void check_stays_out(Mesh& mesh, const Mesh::Peer& peer) {
    for (int i = 0; i < tries; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        REQUIRE(mesh.connected(peer) == 0);
    }
}

} // namespace

TEST_CASE("mesh.max_connections and max_in_connections_per_host bound who gets in") {
    Mesh mesh;
    config::Mesh limited;
    SECTION("all") {
        limited.max_connections = 1;
    }
    SECTION("of one host") {
        limited.max_in_connections_per_host = 1;
    }
    const Mesh::Peer& port = mesh.listening(limited);
    const Mesh::Peer& first = mesh.calling({&port});
    REQUIRE(mesh.wait_connected(first, 1));
    check_stays_out(mesh, mesh.calling({&port}));
    CHECK(mesh.connected(first) == 1);
}

TEST_CASE("mesh.max_known_connections bounds whom a node calls") {
    Mesh mesh;
    const std::vector<const Mesh::Peer*> ports{&mesh.listening({}), &mesh.listening({})};
    config::Mesh limited;
    limited.max_known_connections = 1;
    const Mesh::Peer& caller = mesh.calling(ports, limited);
    REQUIRE(mesh.wait_connected(caller, 1));
    for (int i = 0; i < tries; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        REQUIRE(mesh.connected(caller) == 1);
    }
    CHECK(mesh.wait_connected(mesh.calling(ports), 2));
}

TEST_CASE("mesh.max_bytes_per_msg and max_bytes_per_min bound what a peer sends") {
    Mesh mesh;
    config::Mesh limited;
    std::size_t good = 0;
    SECTION("in a message") {
        limited.max_bytes_per_msg = 3000;
        good = 3000;
    }
    SECTION("in a minute") {
        limited.max_bytes_per_min = 8000;
        good = 5000;
    }
    const Mesh::Peer& port = mesh.listening(limited);
    Mesh::Peer& peer = mesh.calling({&port});
    REQUIRE(mesh.wait_connected(peer, 1));
    mesh.say(peer, port, good);
    REQUIRE(mesh.loop().wait([&] { return port.messages == 1; }));
    CHECK(port.left == 0);
    mesh.say(peer, port, good + 1);
    CHECK(mesh.wait_left(port, 1));
    CHECK(port.messages == 1);
}

TEST_CASE("mesh.max_bad_msgs_per_min ends connections; who does it often is banned for a while") {
    Mesh mesh;
    config::Mesh limited;
    limited.max_bad_msgs_per_min = 2;
    Mesh::Peer& port = mesh.listening(limited);
    Mesh::Peer& peer = mesh.calling({&port});
    const int bans = limits::violations_before_ban + 1;
    for (int i = 1; i <= bans; ++i) {
        REQUIRE(mesh.loop().wait([&] {
            return peer.joined == static_cast<std::size_t>(i) &&
                   port.joined == static_cast<std::size_t>(i);
        }));
        mesh.send(peer, port, {0});
        mesh.send(peer, port, {0});
        mesh.say(peer, port, 100);
        REQUIRE(mesh.loop().wait([&] { return port.messages == static_cast<std::size_t>(i); }));
        CHECK(port.left == static_cast<std::size_t>(i - 1));
        mesh.send(peer, port, {0});
        REQUIRE(mesh.wait_left(port, static_cast<std::size_t>(i)));
        REQUIRE(mesh.wait_left(peer, static_cast<std::size_t>(i)));
    }
    check_stays_out(mesh, peer);
    mesh.loop().call([&] { port.clock.shift_us += 1000 * (limits::ban_ms + 1000); });
    CHECK(mesh.wait_connected(peer, 1));
}

TEST_CASE("mesh.max_bad_msgsigs_per_min counts what others find out about signatures") {
    Mesh mesh;
    config::Mesh limited;
    limited.max_bad_msgsigs_per_min = 2;
    Mesh::Peer& port = mesh.listening(limited);
    const Mesh::Peer& peer = mesh.calling({&port});
    REQUIRE(mesh.wait_connected(port, 1));
    const auto offend = [&] {
        port.port->offends(peer.key(), PeerPort::Offence::bad_signature, "test");
    };
    mesh.loop().call(offend);
    mesh.loop().call(offend);
    CHECK(port.left == 0);
    mesh.loop().call(offend);
    CHECK(mesh.wait_left(port, 1));
}

TEST_CASE("mesh.max_dup_msgs_per_min bounds what is said again at once") {
    Mesh mesh;
    config::Mesh limited;
    limited.max_dup_msgs_per_min = 3;
    const Mesh::Peer& port = mesh.listening(limited);
    Mesh::Peer& peer = mesh.calling({&port});
    REQUIRE(mesh.wait_connected(peer, 1));
    for (int i = 0; i < 50; ++i) {
        mesh.say(peer, port, 100); // others every time
    }
    REQUIRE(mesh.loop().wait([&] { return port.messages == 50; }));
    CHECK(port.left == 0);
    const Bytes same = peer::encode_frame(peer::PeerMessage(peer::GetEpochs{7}));
    mesh.loop().call([&] {
        for (int i = 0; i < 40; ++i) {
            peer.port->send(port.key(), Lane::votes, std::make_shared<const Bytes>(same));
        }
    });
    CHECK(mesh.wait_left(port, 1));
}

TEST_CASE("mesh.idle_timeout ends connections on which nothing is said") {
    Mesh mesh;
    config::Mesh limited;
    limited.idle_timeout = 400;
    Mesh::Peer& port = mesh.listening(limited);
    mesh.loop().call([&] { port.port->start(); });
    Mesh::Peer& peer = mesh.calling({&port});
    REQUIRE(mesh.wait_connected(peer, 1));
    CHECK(mesh.wait_left(port, 1));
}
