// SPDX-License-Identifier: Apache-2.0
// What an engine hears after its node was suspended.
#include <catch2/catch.hpp>

#include "node/held_events.hpp"

namespace hp::node {
namespace {

PublicKey user(std::uint8_t number) {
    PublicKey out;
    out.data.fill(number);
    out.data[0] = key_prefix;
    return out;
}

} // namespace

TEST_CASE("the ends of what was begun are kept, in their order", "[node]") {
    HeldEvents held;
    held.hold(consensus::Logged{7});
    held.hold(consensus::Tick{});
    held.hold(consensus::MessageIn{user(1), consensus::GetLedgers{3}});
    held.hold(consensus::PeerJoined{user(1)});
    held.hold(consensus::InputIn{});
    held.hold(consensus::Persisted{8});
    held.hold(consensus::ResultReady{});
    const auto events = held.release();
    REQUIRE(events.size() == 3);
    CHECK(std::get<consensus::Logged>(events[0]).number == 7);
    CHECK(std::get<consensus::Persisted>(events[1]).seq == 8);
    CHECK(std::holds_alternative<consensus::ResultReady>(events[2]));
    CHECK(held.release().empty());
}

TEST_CASE("users who come and go leave nothing behind", "[node]") {
    HeldEvents held;
    for (int count = 0; count < 100; ++count) {
        held.hold(consensus::UserJoined{user(1)}); // was not there before
        held.hold(consensus::UserLeft{user(1)});
        held.hold(consensus::UserLeft{user(2)}); // was there
        held.hold(consensus::UserJoined{user(2)});
    }
    held.hold(consensus::UserJoined{user(3)});
    held.hold(consensus::UserLeft{user(4)});
    const auto events = held.release();
    REQUIRE(events.size() == 2);
    CHECK(std::get<consensus::UserJoined>(events[0]).user == user(3));
    CHECK(std::get<consensus::UserLeft>(events[1]).user == user(4));
    CHECK(held.release().empty());
}

} // namespace hp::node
