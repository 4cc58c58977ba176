// SPDX-License-Identifier: Apache-2.0
// The output parser alone: every way to cut the stream gives the same messages, and every limit
// cuts at the same message.
#include "contract/channels.hpp"

#include <numeric>
#include <random>
#include <sys/socket.h>

#include "run_fixture.hpp"

using namespace hp;
using namespace hp::contract;
using namespace hp::test;

namespace {

Bytes frame(const std::string& message) {
    Bytes out;
    for (int shift = 24; shift >= 0; shift -= 8) {
        out.push_back(static_cast<std::uint8_t>(message.size() >> shift));
    }
    append(out, as_bytes(message));
    return out;
}

Bytes frames(const std::vector<std::string>& messages) {
    Bytes out;
    for (const std::string& message : messages) {
        append(out, frame(message));
    }
    return out;
}

struct Collected {
    std::vector<std::vector<std::string>> users;
    std::vector<std::string> notes;
};

// Feeds (user, bytes) pieces in this order.
Collected collect(std::size_t users, const OutputLimits& limits,
                  const std::vector<std::pair<std::size_t, Bytes>>& pieces) {
    Notes notes;
    std::vector<PublicKey> keys;
    for (std::size_t i = 0; i < users; ++i) {
        keys.push_back(numbered_key(static_cast<std::uint32_t>(i)));
    }
    OutputCollector collector(keys, limits, notes);
    for (const auto& [user, bytes] : pieces) {
        collector.on_bytes(user, bytes);
    }
    collector.finish();
    Collected out;
    for (std::size_t i = 0; i < users; ++i) {
        out.users.push_back(texts(collector.take(i)));
    }
    out.notes = notes.take();
    return out;
}

const OutputLimits wide = {0, 1 << 30, 1 << 30};

} // namespace

TEST_CASE("a stream of frames cut anywhere gives the same messages") {
    const std::vector<std::string> messages = {"a", "", "", "hello", std::string(300, 'x'), ""};
    const Bytes stream = frames(messages);
    for (std::size_t size = 1; size <= stream.size(); ++size) {
        std::vector<std::pair<std::size_t, Bytes>> pieces;
        for (std::size_t at = 0; at < stream.size(); at += size) {
            const std::size_t end = std::min(at + size, stream.size());
            pieces.emplace_back(0, Bytes(stream.begin() + static_cast<long>(at),
                                         stream.begin() + static_cast<long>(end)));
        }
        const Collected got = collect(1, wide, pieces);
        REQUIRE(got.users[0] == messages);
        REQUIRE(got.notes.empty());
    }
}

TEST_CASE("an unfinished message is dropped with a note") {
    for (const std::size_t cut : {std::size_t{3}, std::size_t{4}, std::size_t{8}}) {
        Bytes stream = frame("whole");
        const Bytes rest = frame("partial");
        append(stream, ByteView(rest).first(cut));
        const Collected got = collect(1, wide, {{0, stream}});
        CHECK(got.users[0] == std::vector<std::string>{"whole"});
        REQUIRE(got.notes.size() == 1);
        CHECK(got.notes[0].find("incomplete") != std::string::npos);
    }
}

TEST_CASE("an absurd length ends that user's output only") {
    const OutputLimits limits = {0, 1 << 30, 1000};
    Bytes bad = frame("first");
    append(bad, Bytes{0xff, 0xff, 0xff, 0xf0, 1, 2, 3});
    const Collected got =
        collect(2, limits, {{0, bad}, {1, frame("x")}, {0, frame("later")}, {1, frame("y")}});
    CHECK(got.users[0] == std::vector<std::string>{"first"});
    CHECK(got.users[1] == std::vector<std::string>{"x", "y"});
    CHECK(got.notes.size() == 1);
    CHECK(collect(1, limits, {{0, frame(std::string(1000, 'm'))}}).users[0].size() == 1);
    CHECK(collect(1, limits, {{0, frame(std::string(1001, 'm'))}}).users[0].empty());
}

TEST_CASE("user_output_bytes counts headers and cuts at a message") {
    const OutputLimits limits = {500, 1 << 30, 1 << 30};
    const std::vector<std::string> twenty(20, std::string(100, 'm'));
    CHECK(collect(1, limits, {{0, frames(twenty)}}).users[0].size() == 4); // 4 * 104 <= 500
    // A small message after the one that did not fit is dropped too.
    Bytes stream = frames(std::vector<std::string>(4, std::string(100, 'm')));
    append(stream, frames({std::string(100, 'm'), "s"}));
    CHECK(collect(1, limits, {{0, stream}}).users[0].size() == 4);
    // Exactly the limit fits.
    CHECK(collect(1, {104, 1 << 30, 1 << 30}, {{0, frames({std::string(100, 'm')})}})
              .users[0]
              .size() == 1);
    CHECK(collect(1, {103, 1 << 30, 1 << 30}, {{0, frames({std::string(100, 'm')})}})
              .users[0]
              .empty());
}

TEST_CASE("the limit of a run cuts at the same place whatever arrives first") {
    // Four users, messages of different sizes, one incomplete at the end.
    std::vector<Bytes> streams;
    for (std::size_t user = 0; user < 4; ++user) {
        std::vector<std::string> messages;
        for (std::size_t i = 0; i < 5; ++i) {
            messages.emplace_back((user * 7 + i * 3) % 11 * 100, static_cast<char>('a' + user));
        }
        streams.push_back(frames(messages));
    }
    streams[2].resize(streams[2].size() - 3);

    std::mt19937 random(7);
    for (std::uint64_t limit = 0; limit < 14'000; limit += 311) {
        const OutputLimits limits = {0, limit, 1 << 30};
        std::vector<std::pair<std::size_t, Bytes>> in_order;
        for (std::size_t user = 0; user < streams.size(); ++user) {
            in_order.emplace_back(user, streams[user]);
        }
        const Collected expected = collect(4, limits, in_order);
        for (int attempt = 0; attempt < 20; ++attempt) {
            std::vector<std::size_t> done(4, 0);
            std::vector<std::pair<std::size_t, Bytes>> pieces;
            for (;;) {
                std::vector<std::size_t> open;
                for (std::size_t user = 0; user < 4; ++user) {
                    if (done[user] < streams[user].size()) {
                        open.push_back(user);
                    }
                }
                if (open.empty()) {
                    break;
                }
                const std::size_t user = open[random() % open.size()];
                const std::size_t size =
                    std::min<std::size_t>(1 + random() % 600, streams[user].size() - done[user]);
                const auto from = streams[user].begin() + static_cast<long>(done[user]);
                pieces.emplace_back(user, Bytes(from, from + static_cast<long>(size)));
                done[user] += size;
            }
            REQUIRE(collect(4, limits, pieces).users == expected.users);
        }
    }
}

TEST_CASE("the number of empty messages is bounded by the run's limit") {
    const Collected got = collect(1, {0, 26'000, 1 << 30}, {{0, Bytes(100'000, 0)}});
    CHECK(got.users[0].size() == 100); // 260 each
}

TEST_CASE("notes are bounded") {
    Notes notes;
    for (int i = 0; i < 100; ++i) {
        notes.add("note");
    }
    const std::vector<std::string> all = notes.take();
    CHECK(all.size() == 17);
    CHECK(all.back() == "and 84 more notes like these");
}

TEST_CASE("an empty packet is no end") {
    auto pair = make_packet_channel();
    REQUIRE(pair);
    std::uint8_t buffer[16];
    CHECK(receive_packet_now(pair->ours, buffer).kind == Packet::Kind::none);
    const std::string large(100, 'x');
    for (const std::string& packet : {std::string(), std::string("ab"), large, std::string()}) {
        REQUIRE(::send(pair->theirs.get(), packet.data(), packet.size(), 0) >= 0);
    }
    pair->theirs.reset();
    const auto next = [&] { return receive_packet_now(pair->ours, buffer); };
    Packet packet = next();
    CHECK((packet.kind == Packet::Kind::data && packet.size == 0));
    packet = next();
    CHECK((packet.kind == Packet::Kind::data && packet.size == 2));
    CHECK(next().kind == Packet::Kind::longer);
    CHECK(next().kind == Packet::Kind::data);
    CHECK(next().kind == Packet::Kind::end);
    CHECK(next().kind == Packet::Kind::end);
}
