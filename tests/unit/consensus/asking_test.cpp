// SPDX-License-Identifier: Apache-2.0
// Members ask each other for inputs that they lack, and for no others.
#include <catch2/catch.hpp>

#include "engine_cluster.hpp"
#include "hp/crypto/blake3.hpp"
#include "hp/proto/user_codec.hpp"

using namespace hp;
using namespace hp::consensus;
using namespace hp::consensus::test;

namespace {

proto::SharedInput make_input(std::uint64_t nonce) {
    const Bytes container =
        proto::encode_container(proto::Encoding::json, {to_bytes("x"), nonce, 10});
    Signature signature; // unique; nobody checks it here
    const Hash32 digest = crypto::b3(container);
    std::copy(digest.data.begin(), digest.data.end(), signature.data.begin());
    return *proto::make_signed_input(key_of(50), proto::Encoding::json, container, signature);
}

// One of them does not come to checking inputs.
Member& start_with_slow(Cluster& cluster) {
    cluster.start_all();
    cluster.run_ms(1500);
    cluster.member(3).checks_inputs = false;
    return cluster.member(3);
}

// One member is told of an input that is in the next ledger.
void close_with_input(Cluster& cluster, std::uint64_t nonce) {
    const LedgerSeq before = cluster.engine(0).lcl().seq;
    cluster.step(0, InputIn{make_input(nonce)});
    cluster.run_ms(3000);
    REQUIRE(cluster.engine(0).lcl().seq > before);
}

} // namespace

TEST_CASE("an input whose signature is still being checked is not asked for again") {
    Cluster cluster;
    Member& slow = start_with_slow(cluster);
    close_with_input(cluster, 1);
    REQUIRE(slow.unchecked.size() == 1);
    CHECK(slow.inputs_asked_for == 0);
    // Others have decided without it; it gets there with their ledgers, or when it has checked.
    cluster.step(3, InputVerified{slow.unchecked[0], true});
    cluster.run_ms(3000);
    CHECK(cluster.engine(3).lcl().seq == cluster.engine(0).lcl().seq);
}

TEST_CASE("an input that turned out to be somebody's else is asked for") {
    Cluster cluster;
    Member& slow = start_with_slow(cluster);
    cluster.step(0, InputIn{make_input(1)});
    REQUIRE(slow.unchecked.size() == 1);
    cluster.step(3, InputVerified{slow.unchecked[0], false});
    cluster.run_ms(3000);
    CHECK(slow.inputs_asked_for > 0);
}
