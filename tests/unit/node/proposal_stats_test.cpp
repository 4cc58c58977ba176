// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "node/proposal_stats.hpp"
#include "node/repeat_window.hpp"

using namespace hp;
using namespace hp::node;

namespace {

PublicKey key_of(std::uint8_t number) {
    PublicKey key;
    key.data.fill(number);
    return key;
}

} // namespace

TEST_CASE("proposals of each member count once a ledger") {
    ProposalStats stats;
    stats.add(key_of(1), 0, 0);
    stats.add(key_of(2), 10, 3);
    stats.add(key_of(2), 900, 900); // said again
    stats.add(key_of(3), -5, 6);    // its clock is ahead
    const proto::ProposalHealth health = stats.take();
    CHECK(health.batch_size == 3);
    CHECK(health.comm_latency_ms.min == 0);
    CHECK(health.comm_latency_ms.max == 10);
    CHECK(health.comm_latency_ms.avg == 3);
    CHECK(health.read_latency_ms.max == 6);
    CHECK(health.read_latency_ms.avg == 3);
    const proto::ProposalHealth none = stats.take();
    CHECK(none.batch_size == 0);
    CHECK(none.comm_latency_ms.min == 0);
    CHECK(none.read_latency_ms.max == 0);
}

TEST_CASE("only what comes again at once is a repetition") {
    RepeatWindow window;
    Hash32 one;
    Hash32 other;
    other.data.fill(1);
    CHECK_FALSE(window.is_repeat(1000, one));
    CHECK_FALSE(window.is_repeat(1000, other));
    CHECK(window.is_repeat(1001, one));
    CHECK(window.is_repeat(1024, other));
    CHECK_FALSE(window.is_repeat(1025, one)); // half a stage later
    for (std::uint8_t i = 2; i < 255; ++i) {
        other.data.fill(i);
        CHECK_FALSE(window.is_repeat(1026, other));
    }
    CHECK(window.is_repeat(1026, other));
}
