// SPDX-License-Identifier: Apache-2.0
// Whoever decides a ledger leaves nobody behind.
#include <catch2/catch.hpp>

#include "engine_cluster.hpp"

using namespace hp;
using namespace hp::consensus;
using namespace hp::consensus::test;

TEST_CASE("the member whose own COMMIT decides the ledger tells the others") {
    constexpr std::size_t slow = 2;
    Cluster cluster(3, 100); // a quorum of all: nobody decides without that COMMIT
    cluster.start_all();
    cluster.run_ms(1500);
    const LedgerSeq before = cluster.engine(0).lcl().seq;
    REQUIRE(before > 0);
    cluster.member(slow).hears_prepares_last = true;
    const std::size_t said = cluster.count_said<Vote>(slow);
    constexpr LedgerSeq rounds = 3;
    cluster.run_ms(1000 * rounds);
    CHECK(cluster.count_said<Vote>(slow) == said + 2 * rounds); // PREPARE and COMMIT of each
    for (std::size_t i = 0; i <= slow; ++i) {
        CHECK(cluster.engine(i).lcl().seq == before + rounds);
        CHECK(cluster.count_said<SharedOpen>(i) == before + rounds + 1); // nothing said again
    }
}
