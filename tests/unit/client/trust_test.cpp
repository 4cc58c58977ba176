// SPDX-License-Identifier: Apache-2.0
// What ledgers prove by themselves, and when new validators are believed.
#include "cli/trust.hpp"
#include "hp/client/ledger_check.hpp"
#include "hp/client/unl_trust.hpp"
#include "hp/crypto/blake3.hpp"
#include "hp/crypto/keys.hpp"

#include <catch2/catch.hpp>

using namespace hp;
using client::ListCheck;
using client::Presence;

namespace {

Hash32 hash(std::uint8_t fill) {
    Hash32 out;
    out.data.fill(fill);
    return out;
}

PublicKey key(int fill) {
    PublicKey out;
    out.data.fill(static_cast<std::uint8_t>(fill));
    out.data[0] = key_prefix;
    return out;
}

// Two inputs, listed by user, committed to by nonce.
proto::QueriedLedger with_inputs() {
    proto::QueriedLedger out;
    out.inputs = {{key(1), hash(1), 9, {}}, {key(2), hash(2), 5, {}}};
    const std::vector<Hash32> order = {hash(2), hash(1)};
    out.header.input_hash = crypto::b3_list(order);
    return out;
}

} // namespace

TEST_CASE("a ledger's inputs are what its header says", "[client]") {
    proto::QueriedLedger ledger = with_inputs();
    CHECK(client::check_inputs(ledger) == ListCheck::whole);
    CHECK(client::find_input(ledger, hash(1)) == Presence::present);
    CHECK(client::find_input(ledger, hash(3)) == Presence::absent);
    SECTION("one is hidden") {
        ledger.inputs->pop_back();
        CHECK(client::check_inputs(ledger) == ListCheck::wrong);
        CHECK(client::find_input(ledger, hash(3)) == Presence::unknown);
    }
    SECTION("none are kept") {
        ledger.inputs->clear();
        CHECK(client::check_inputs(ledger) == ListCheck::not_kept);
        CHECK(client::find_input(ledger, hash(1)) == Presence::unknown);
    }
    SECTION("the header alone knows a single input, or none") {
        ledger.inputs->clear();
        ledger.header.input_hash = crypto::b3(hash(1).view());
        CHECK(client::find_input(ledger, hash(1)) == Presence::present);
        CHECK(client::find_input(ledger, hash(2)) == Presence::unknown);
        ledger.header.input_hash = Hash32{};
        CHECK(client::find_input(ledger, hash(1)) == Presence::absent);
        CHECK(client::check_inputs(ledger) == ListCheck::whole);
    }
}

TEST_CASE("a ledger's outputs are what its header says", "[client]") {
    proto::QueriedLedger ledger;
    CHECK(client::check_outputs(ledger) == ListCheck::not_asked);
    const std::vector<Bytes> blobs = {to_bytes("one"), to_bytes("two")};
    const Hash32 own = crypto::output_hash(key(1), blobs);
    ledger.header.state_hash = hash(7);
    ledger.outputs = {{key(1), own, blobs}, {key(2), hash(0xff), {}}}; // the second one is private
    std::vector<Hash32> leaves = {own, hash(0xff)};
    std::ranges::sort(leaves);
    leaves.push_back(hash(7));
    ledger.header.output_hash = crypto::OutputTree(leaves).root();
    CHECK(client::check_outputs(ledger) == ListCheck::whole);
    SECTION("forged content") {
        ledger.outputs->front().blobs[0] = to_bytes("won");
        CHECK(client::check_outputs(ledger) == ListCheck::wrong);
    }
    SECTION("not kept") {
        ledger.outputs->clear();
        CHECK(client::check_outputs(ledger) == ListCheck::not_kept);
        ledger.header.output_hash = Hash32{};
        CHECK(client::check_outputs(ledger) == ListCheck::whole);
    }
}

TEST_CASE("ledgers follow one another", "[client]") {
    proto::LedgerHeader one;
    one.seq = 4;
    one.hash = hash(4);
    one.timestamp_ms = 100;
    proto::LedgerHeader two = one;
    two.seq = 5;
    two.prev_hash = hash(4);
    CHECK(client::check_link(one, two).empty());
    two.prev_hash = hash(3);
    CHECK_FALSE(client::check_link(one, two).empty());
    two.prev_hash = hash(4);
    two.timestamp_ms = 99;
    CHECK_FALSE(client::check_link(one, two).empty());
    two.timestamp_ms = 100;
    two.seq = 6;
    CHECK_FALSE(client::check_link(one, two).empty());
}

TEST_CASE("new validators need a quorum of the old ones", "[client]") {
    const std::vector<PublicKey> old = {key(1), key(2), key(3), key(4), key(5)};
    const std::vector<PublicKey> next = {key(1), key(2), key(9)};
    client::UnlTrust trust(old, 0.8);
    for (const int i : {1, 2, 3}) {
        trust.on_announced(key(i), next);
    }
    for (const int i : {9, 10, 11}) { // strangers, however many
        trust.on_announced(key(i), next);
    }
    CHECK(trust.agreed().empty());
    CHECK(trust.announcers() == 3);
    SECTION("the fourth of five") {
        trust.on_announced(key(4), {key(9), key(2), key(1), key(1)}); // in any order
        CHECK(trust.agreed() == next);
    }
    SECTION("who changes its word counts once") {
        trust.on_announced(key(3), old);
        trust.on_announced(key(3), next);
        trust.on_announced(key(3), next);
        CHECK(trust.agreed().empty());
    }
    SECTION("nobody agrees on nothing") {
        for (const int i : {1, 2, 3, 4, 5}) {
            trust.on_announced(key(i), {});
        }
        CHECK(trust.agreed().empty());
    }
}
