// SPDX-License-Identifier: Apache-2.0
// What a member that connects is told, and what it makes of it.
#include <catch2/catch.hpp>

#include "engine_cluster.hpp"

using namespace hp;
using namespace hp::consensus;
using namespace hp::consensus::test;

namespace {

constexpr std::size_t late = members - 1;

// All but one close ledgers until they are between two rounds; then the last one starts.
void start_late(Cluster& cluster, std::int64_t ledgers) {
    for (std::size_t i = 0; i < late; ++i) {
        cluster.start(i);
    }
    cluster.run_ms(1000 * ledgers + 500);
    REQUIRE(cluster.engine(0).lcl().seq >= static_cast<LedgerSeq>(ledgers));
    cluster.start(late);
}

void connect(Cluster& cluster, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        cluster.step(i, PeerJoined{key_of(late)});
        cluster.step(late, PeerJoined{key_of(i)});
    }
}

} // namespace

TEST_CASE("whoever connects hears soon what was said before") {
    Cluster cluster;
    cluster.start(0);
    cluster.run_ms(1300); // long enough for an OPEN, and some repetitions of it
    cluster.member(0).said.clear();
    cluster.step(0, PeerJoined{key_of(members)}); // not a member
    cluster.run_ms(15);
    CHECK(cluster.count_said<SharedOpen>(0) == 0);
    for (std::size_t other = 1; other < members; ++other) {
        cluster.step(0, PeerJoined{key_of(other)});
    }
    cluster.run_ms(15);
    CHECK(cluster.count_said<SharedOpen>(0) == 1); // for all who came
}

TEST_CASE("a member that has missed ledgers is there before the next round opens") {
    Cluster cluster;
    start_late(cluster, 40);
    REQUIRE(cluster.engine(late).lcl().seq < cluster.engine(0).lcl().seq);
    const LedgerId newest = cluster.engine(0).lcl();
    connect(cluster, late);
    cluster.run_ms(15);
    CHECK(cluster.engine(late).lcl() == newest);
    CHECK(cluster.engine(0).lcl() == newest);
    CHECK(cluster.engine(late).vote_status() == proto::VoteStatus::synced);

    CHECK(cluster.count_said<Vote>(late) == 0);
    cluster.run_ms(1000);
    CHECK(cluster.engine(late).lcl() == cluster.engine(0).lcl());
    CHECK(cluster.engine(0).lcl().seq == newest.seq + 1);
    CHECK(cluster.count_said<Vote>(late) > 0);
}

TEST_CASE("a member that hears less than a quorum where the others are is not synced") {
    Cluster cluster;
    start_late(cluster, 5);
    connect(cluster, 1);
    cluster.run_ms(15);
    CHECK(cluster.engine(late).lcl() == cluster.engine(0).lcl());
    CHECK(cluster.engine(late).members_heard({1'000'000, 0}) == 2); // itself and the other
    CHECK(cluster.engine(late).members_heard({60'000'000, 0}) == 1);
    CHECK(cluster.engine(late).vote_status() != proto::VoteStatus::synced);
}
