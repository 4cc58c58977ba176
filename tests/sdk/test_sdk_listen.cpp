// SPDX-License-Identifier: Apache-2.0
//
// NPL as an event loop: listen() and its ends, poll() on the descriptor.
//
// Threads: one, and those that stop listening.
#include "fixtures.hpp"

#include <array>
#include <chrono>
#include <thread>

#include <catch2/catch.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace hp::contract;
using namespace hp::test;

namespace {

using Texts = std::vector<std::string>;
using Clock = std::chrono::steady_clock;

constexpr int listen_ms = 15'000;

RunSpec make_spec(Texts from_peer) {
    RunSpec spec;
    spec.npl_peers = {{make_key(1), std::move(from_peer), {}}};
    return spec;
}

} // namespace

TEST_CASE("npl: listening ends when the listener has enough", "[sdk][npl]") {
    run_checked(
        [](Context& c) {
            Texts seen;
            const NplEnd end = c.npl().listen(listen_ms, [&seen](const NplMessage& message) {
                seen.emplace_back(message.text());
                return seen.size() < 2;
            });
            CHECK(end.status == NplStatus::stopped);
            CHECK(seen == Texts{"a", "b"});
            CHECK(c.npl().receive(listen_ms).message->text() ==
                  "c"); // nothing was taken in advance
        },
        make_spec({"a", "b", "c"}));
}

TEST_CASE("npl: listening ends with its time, also in the middle of a message", "[sdk][npl]") {
    RunSpec spec = make_spec({"a"});
    spec.npl_packets = {make_key(1), "first", make_key(2)};
    spec.npl_peers.clear();
    run_checked(
        [](Context& c) {
            Texts seen;
            const auto listener = [&seen](const NplMessage& message) {
                seen.emplace_back(message.text());
                return true;
            };
            const auto start = Clock::now();
            CHECK(c.npl().listen(50, listener).status == NplStatus::timeout);
            CHECK(Clock::now() - start >= std::chrono::milliseconds(50));
            CHECK(c.npl().listen(0, listener).status == NplStatus::timeout);
            CHECK(c.npl().listen(-1, listener).status == NplStatus::timeout);
            CHECK(seen == Texts{"first"});
        },
        spec);
}

TEST_CASE("npl: a flood does not keep the listener beyond its time", "[sdk][npl]") {
    RunSpec spec;
    spec.npl_echo = false;
    spec.npl_peers = {{make_key(1), Texts(200, "noise"),
                       [](std::string_view) { return Texts(2, "more noise"); }}};
    run_checked(
        [](Context& c) {
            int count = 0;
            const NplEnd end = c.npl().listen(100, [&c, &count](const NplMessage&) {
                ++count;
                c.npl().send("go on"); // each message causes two more
                return true;
            });
            CHECK(end.status == NplStatus::timeout);
            CHECK(count > 0);
        },
        spec);
}

TEST_CASE("npl: another thread stops listening at once", "[sdk][npl]") {
    run_checked(
        [](Context& c) {
            for (int i = 0; i < 50; ++i) {
                std::stop_source source;
                const std::jthread stopper([&source, i] {
                    if (i % 2 == 0)
                        std::this_thread::sleep_for(std::chrono::milliseconds(2));
                    source.request_stop();
                });
                const NplEnd end = c.npl().listen(
                    listen_ms, [](const NplMessage&) { return true; }, source.get_token());
                CHECK(end.status == NplStatus::stopped);
            }
            std::stop_source before;
            before.request_stop();
            bool called = false;
            const NplEnd end = c.npl().listen(
                listen_ms,
                [&called](const NplMessage&) {
                    called = true;
                    return true;
                },
                before.get_token());
            CHECK(end.status == NplStatus::stopped);
            CHECK_FALSE(called);
            c.npl().send("still there");
            CHECK(c.npl().receive(listen_ms).message->text() == "still there");
        },
        RunSpec());
}

TEST_CASE("npl: listening while another thread sends", "[sdk][npl]") {
    run_checked(
        [](Context& c) {
            const std::string large(Npl::message_bytes_max, 'n');
            std::jthread sender([&c, &large] {
                for (int i = 0; i < 100; ++i)
                    c.npl().send(large);
            });
            int own = 0;
            const NplEnd end = c.npl().listen(listen_ms, [&own, &large](const NplMessage& message) {
                if (message.from_self && message.text() == large)
                    ++own;
                return own < 100;
            });
            CHECK(end.status == NplStatus::stopped);
            CHECK(own == 100);
        },
        RunSpec());
}

TEST_CASE("npl: listening ends when the node closes the channel", "[sdk][npl]") {
    RunSpec spec = make_spec({"last"});
    spec.npl_close_early = true;
    run_checked(
        [](Context& c) {
            int count = 0;
            const auto listener = [&count](const NplMessage&) { return ++count > 0; };
            CHECK(c.npl().listen(listen_ms, listener).status == NplStatus::closed);
            CHECK(count == 1);
        },
        spec);
    spec = RunSpec();
    spec.readonly = true;
    run_checked(
        [](Context& c) {
            CHECK_FALSE(c.npl().fd());
            CHECK(c.npl().listen(listen_ms, [](const NplMessage&) { return true; }).status ==
                  NplStatus::closed);
        },
        spec);
}

TEST_CASE("npl: a node that closes without reading everything loses none of its messages",
          "[sdk][npl]") {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0);
    Npl npl(ends[0], *PublicKey::from_hex(node_key()));
    REQUIRE_FALSE(npl.send("never read")); // makes the kernel report ECONNRESET first
    for (const std::string& packet :
         {make_key(1), std::string("one"), make_key(2), std::string("two")})
        REQUIRE(::send(ends[1], packet.data(), packet.size(), MSG_NOSIGNAL) > 0);
    ::close(ends[1]);
    const NplResult first = npl.receive(0);
    REQUIRE(first);
    CHECK(first.message->text() == "one");
    const NplResult second = npl.receive(0);
    REQUIRE(second);
    CHECK(second.message->sender.hex() == make_key(2));
    CHECK(npl.receive(0).status == NplStatus::closed);
    CHECK(npl.receive(0).status == NplStatus::closed);
    CHECK(npl.send("too late") == std::errc::broken_pipe);
    ::close(ends[0]);
}

TEST_CASE("npl: an event loop of the contract's own", "[sdk][npl]") {
    run_checked(
        [](Context& c) {
            Texts seen;
            while (seen.size() < 3) {
                pollfd entry{*c.npl().fd(), POLLIN, 0};
                REQUIRE(::poll(&entry, 1, listen_ms) == 1);
                while (const auto next = c.npl().receive(0))
                    seen.emplace_back(next.message->text());
            }
            CHECK(seen == Texts{"a", "b", "c"});
        },
        make_spec({"a", "b", "c"}));
}
