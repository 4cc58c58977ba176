// SPDX-License-Identifier: Apache-2.0
// Which messages reach which run, and what happens when there are too many.
#include "contract/npl_inlet.hpp"

#include "hp/base/limits.hpp"
#include "run_fixture.hpp"

using namespace hp;
using namespace hp::contract;
using namespace hp::test;

namespace {

LedgerId ledger(LedgerSeq seq, std::uint8_t hash = 0) {
    LedgerId id{seq, {}};
    id.hash.data.fill(hash);
    return id;
}

// "<number of the sender> <text>" of all that wait, in order.
std::vector<std::string> take_all(NplInlet& inlet) {
    std::vector<std::string> out;
    while (const auto message = inlet.take()) {
        out.push_back(std::to_string(message->sender.data[4]) + " " + to_text(message->bytes));
    }
    return out;
}

} // namespace

TEST_CASE("a run gets its own messages, before and after it begins") {
    NplInlet inlet;
    inlet.begin(ledger(7));
    inlet.end();
    inlet.push(ledger(8), numbered_key(1), to_bytes("held"));
    inlet.push(ledger(8, 1), numbered_key(1), to_bytes("another fork"));
    inlet.push(ledger(7), numbered_key(1), to_bytes("over"));
    inlet.push(ledger(9), numbered_key(1), to_bytes("too early"));
    CHECK(take_all(inlet).empty());
    inlet.begin(ledger(8));
    inlet.push(ledger(8), numbered_key(1), to_bytes("now"));
    inlet.push(ledger(8, 1), numbered_key(1), to_bytes("another fork"));
    inlet.push(ledger(9), numbered_key(1), to_bytes("next"));
    CHECK(take_all(inlet) == std::vector<std::string>{"1 held", "1 now"});
    inlet.push(ledger(8), numbered_key(1), to_bytes("not taken"));
    inlet.end();
    CHECK(take_all(inlet).empty());
    inlet.push(ledger(8), numbered_key(1), to_bytes("late"));
    inlet.begin(ledger(9));
    CHECK(take_all(inlet) == std::vector<std::string>{"1 next"});
}

TEST_CASE("what waits for a ledger that is skipped is forgotten") {
    NplInlet inlet;
    inlet.push(ledger(3), numbered_key(1), to_bytes("before the first run"));
    inlet.push(ledger(4), numbered_key(1), to_bytes("for the one after it"));
    inlet.push(ledger(5), numbered_key(1), to_bytes("later"));
    inlet.begin(ledger(3));
    inlet.end();
    inlet.begin(ledger(4));
    CHECK(take_all(inlet) == std::vector<std::string>{"1 for the one after it"});
    inlet.push(ledger(5), numbered_key(1), to_bytes("skipped"));
    inlet.begin(ledger(6));
    CHECK(take_all(inlet).empty());
}

TEST_CASE("empty and oversized messages are none") {
    NplInlet inlet;
    inlet.begin(ledger(1));
    inlet.push(ledger(1), numbered_key(1), {});
    inlet.push(ledger(1), numbered_key(1), Bytes(limits::npl_message_bytes_max + 1));
    CHECK(!inlet.take());
    inlet.push(ledger(1), numbered_key(1), Bytes(limits::npl_message_bytes_max));
    CHECK(inlet.take());
}

TEST_CASE("senders take turns and keep their own order") {
    NplInlet inlet;
    inlet.begin(ledger(1));
    for (const char* text : {"a", "b", "c"}) {
        inlet.push(ledger(1), numbered_key(1), to_bytes(text));
    }
    inlet.push(ledger(1), numbered_key(2), to_bytes("x"));
    inlet.push(ledger(1), numbered_key(2), to_bytes("y"));
    CHECK(take_all(inlet) == std::vector<std::string>{"1 a", "2 x", "1 b", "2 y", "1 c"});
}

TEST_CASE("one sender cannot crowd out the others") {
    NplInlet inlet;
    inlet.begin(ledger(1));
    const Bytes large(100'000, 'f');
    const std::size_t room =
        limits::npl_waiting_bytes_max / (large.size() + limits::npl_message_overhead_bytes);
    for (std::size_t i = 0; i < room + 100; ++i) {
        inlet.push(ledger(1), numbered_key(1), large);
    }
    CHECK(inlet.dropped() == 100);
    for (int i = 0; i < 50; ++i) {
        inlet.push(ledger(1), numbered_key(2), Bytes(100'000, static_cast<std::uint8_t>(i)));
    }
    std::map<PublicKey, std::size_t> seen;
    while (const auto message = inlet.take()) {
        const std::size_t index = seen[message->sender]++;
        if (message->sender == numbered_key(2)) {
            REQUIRE(message->bytes[0] == index);
        }
    }
    CHECK(seen[numbered_key(2)] == 50);
    CHECK(seen[numbered_key(1)] >= room - 51);
    CHECK(seen[numbered_key(1)] <= room - 49);
}

TEST_CASE("small messages are bounded as well, held ones too") {
    NplInlet inlet;
    for (std::size_t i = 0; i < 200'000; ++i) {
        inlet.push(ledger(1, static_cast<std::uint8_t>(i)), numbered_key(1), to_bytes("x"));
    }
    inlet.begin(ledger(1));
    std::size_t count = 0;
    while (inlet.take()) {
        ++count;
    }
    const std::size_t room =
        limits::npl_waiting_bytes_max / (1 + limits::npl_message_overhead_bytes);
    CHECK(count >= room / 256 - 1);
    CHECK(count <= room / 256 + 1);
}

TEST_CASE("the event tells about messages, those that wait already included") {
    NplInlet inlet;
    const auto event = os::event_fd();
    REQUIRE(event);
    const auto signals = [&] {
        std::uint64_t count = 0;
        return ::read(event->get(), &count, sizeof count) == sizeof count ? count : 0;
    };
    inlet.push(ledger(1), numbered_key(1), to_bytes("held"));
    inlet.begin(ledger(1));
    inlet.attach(event->get());
    CHECK(signals() == 1);
    inlet.push(ledger(1), numbered_key(1), to_bytes("second"));
    CHECK(signals() == 0); // the first is not taken yet
    CHECK(take_all(inlet).size() == 2);
    inlet.push(ledger(1), numbered_key(1), to_bytes("third"));
    CHECK(signals() == 1);
    inlet.detach();
    CHECK(take_all(inlet).size() == 1);
    inlet.push(ledger(1), numbered_key(1), to_bytes("unheard"));
    CHECK(signals() == 0);
}

TEST_CASE("messages from many threads all arrive, in each sender's order") {
    constexpr std::uint32_t senders = 4;
    constexpr int messages = 2000;
    NplInlet inlet;
    inlet.begin(ledger(1));
    std::vector<std::thread> threads;
    for (std::uint32_t sender = 0; sender < senders; ++sender) {
        threads.emplace_back([&inlet, sender] {
            for (int i = 0; i < messages; ++i) {
                inlet.push(ledger(1), numbered_key(sender), to_bytes(std::to_string(i)));
            }
        });
    }
    std::map<PublicKey, int> next;
    int taken = 0;
    const bool all = wait_until([&] {
        while (const auto message = inlet.take()) {
            REQUIRE(to_text(message->bytes) == std::to_string(next[message->sender]++));
            ++taken;
        }
        return taken == messages * static_cast<int>(senders);
    });
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(all);
}
