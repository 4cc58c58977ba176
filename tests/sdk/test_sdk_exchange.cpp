// SPDX-License-Identifier: Apache-2.0
//
// Npl::exchange(): who is heard, what is kept for later, when it ends.
//
// Threads: one.
#include "fixtures.hpp"

#include <chrono>

#include <catch2/catch.hpp>

using namespace hp::contract;
using namespace hp::test;
using hp::contract::testing::make_exchange_message;

namespace {

using Texts = std::vector<std::string>;

constexpr int long_ms = 15'000;
constexpr int short_ms = 60;

/// UNL members 1 to `count`; this node is number 1.
RunSpec make_spec(unsigned count) {
    RunSpec spec;
    spec.node_key = make_key(1);
    for (unsigned i = 1; i <= count; ++i)
        spec.unl.push_back({make_key(i), 0});
    return spec;
}

hp::contract::testing::TestNplPeer peer(unsigned number, Texts messages) {
    return {make_key(number), std::move(messages), {}};
}

/// "1:text 3:text" by the number of the sender; "self" for this node.
std::string describe(const NplExchange& exchange) {
    std::string out;
    for (const NplMessage& message : exchange.messages) {
        out += out.empty() ? "" : " ";
        out += message.from_self ? "self" : std::string(1, message.sender.hex().back());
        out += ':';
        out += message.text();
    }
    return out;
}

NplExchange exchange(Context& c, std::string_view topic, std::string_view text, int timeout_ms,
                     std::size_t wanted = SIZE_MAX) {
    return c.npl().exchange(topic, as_bytes(text), c.unl(), timeout_ms, wanted);
}

} // namespace

TEST_CASE("exchange: one message of each UNL member, in key order", "[sdk][npl]") {
    RunSpec spec = make_spec(3);
    spec.npl_peers = {
        peer(3, {make_exchange_message("t", "three")}),
        peer(2, {make_exchange_message("t", "two"), make_exchange_message("t", "x")})};
    const RunOutcome run = run_handler(
        [](Context& c) {
            const NplExchange done = exchange(c, "t", "one", long_ms);
            CHECK(done.complete());
            CHECK(describe(done) == "self:one 2:two 3:three");
        },
        spec);
    CHECK(run.failure.empty());
    CHECK(run.npl == Texts{make_exchange_message("t", "one")});
}

TEST_CASE("exchange: silent nodes and strangers", "[sdk][npl]") {
    RunSpec spec = make_spec(3);
    spec.npl_peers = {peer(2, {make_exchange_message("t", "two")}),
                      peer(9, {make_exchange_message("t", "stranger")})};
    run_checked(
        [](Context& c) {
            const auto start = std::chrono::steady_clock::now();
            const NplExchange done = exchange(c, "t", "one", short_ms);
            CHECK(std::chrono::steady_clock::now() - start >= std::chrono::milliseconds(short_ms));
            CHECK_FALSE(done.complete());
            CHECK(done.status == NplStatus::timeout);
            CHECK(describe(done) == "self:one 2:two");
        },
        spec);

    spec.npl_echo = false; // an observer: its messages reach nobody, itself included
    run_checked(
        [](Context& c) {
            CHECK(describe(exchange(c, "t", "one", short_ms)) == "2:two");
            CHECK(exchange(c, "t", "one", short_ms, 0).complete());
        },
        spec);
}

TEST_CASE("exchange: as many as wanted", "[sdk][npl]") {
    RunSpec spec = make_spec(5);
    spec.npl_peers = {peer(4, {make_exchange_message("t", "four")}),
                      peer(2, {make_exchange_message("t", "")})};
    run_checked(
        [](Context& c) {
            const NplExchange done = exchange(c, "t", "one", long_ms, 2);
            CHECK(done.complete());
            CHECK(describe(done) == "2: 4:four");
        },
        spec);
}

TEST_CASE("exchange: messages for another topic wait for it", "[sdk][npl]") {
    RunSpec spec = make_spec(2);
    spec.npl_peers = {peer(2, {make_exchange_message("second", "s"), "plain",
                               make_exchange_message("secon", "d?"),
                               make_exchange_message("first", "f"), "late"})};
    run_checked(
        [](Context& c) {
            CHECK(describe(exchange(c, "first", "1", long_ms)) == "self:1 2:f");
            CHECK(describe(exchange(c, "second", "2", long_ms)) == "self:2 2:s");
            CHECK(c.npl().receive(long_ms).message->text() == "plain");
            CHECK(c.npl().receive(long_ms).message->text() == make_exchange_message("secon", "d?"));
            CHECK(c.npl().receive(long_ms).message->text() == "late");
        },
        spec);
}

TEST_CASE("exchange: one noisy node cannot fill the memory or push out the others", "[sdk][npl]") {
    RunSpec spec = make_spec(3);
    spec.npl_echo = false;
    spec.npl_peers = {peer(2, Texts(1000, "noise")), peer(3, {"quiet"})};
    run_checked(
        [](Context& c) {
            CHECK(exchange(c, "t", "one", 500).status == NplStatus::timeout);
            std::size_t noise = 0;
            bool quiet = false;
            while (const auto next = c.npl().receive(0)) {
                noise += next.message->text() == "noise" ? 1 : 0;
                quiet = quiet || next.message->text() == "quiet";
            }
            CHECK(noise == Npl::held_per_sender_max);
            CHECK(quiet);
        },
        spec);
}

TEST_CASE("exchange: what cannot be sent", "[sdk][npl]") {
    run_checked(
        [](Context& c) {
            CHECK(exchange(c, std::string(256, 't'), "", long_ms).error == std::errc::message_size);
            const std::string largest(Npl::message_bytes_max - 5 - 1, 'x');
            CHECK(exchange(c, "t", largest, long_ms).messages.at(0).data.size() == largest.size());
            const NplExchange too_long = exchange(c, "t", largest + "y", long_ms);
            CHECK(too_long.status == NplStatus::failed);
            CHECK(too_long.error == std::errc::message_size);
        },
        make_spec(1));
    RunSpec readonly = make_spec(1);
    readonly.readonly = true;
    run_checked(
        [](Context& c) {
            const NplExchange none = exchange(c, "t", "x", long_ms);
            CHECK(none.status == NplStatus::failed);
            CHECK(none.error == std::errc::not_connected);
        },
        readonly);
    RunSpec closed = make_spec(2);
    closed.npl_close_early = true;
    run_checked(
        [](Context& c) { CHECK(exchange(c, "t", "x", long_ms).error == std::errc::broken_pipe); },
        closed);
}
