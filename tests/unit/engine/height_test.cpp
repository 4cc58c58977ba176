// SPDX-License-Identifier: Apache-2.0
// What a height keeps of what others send, and for how long.
#include <catch2/catch.hpp>

#include "consensus/height.hpp"
#include "fake_signature.hpp"
#include "hp/crypto/blake3.hpp"

using namespace hp;
using namespace hp::consensus;
using sim::node_key;

namespace {

struct Members {
    Params params;
    NonceRecords nonces;
    InputPool pool;

    Height make() const {
        Height::Setup setup;
        setup.agreement.height = 6;
        for (std::size_t i = 0; i < 4; ++i) {
            setup.agreement.members.push_back(node_key(i));
        }
        setup.agreement.leaders = setup.agreement.members;
        setup.agreement.quorum = 3;
        setup.agreement.self = node_key(1);
        setup.prev = {5, crypto::b3(to_bytes("five"))};
        setup.params = &params;
        setup.nonces = &nonces;
        setup.pool = &pool;
        return Height(std::move(setup), {}, 0);
    }
};

SharedOpen make_open(const Height& height, std::uint64_t version, TimeMs clock_ms = 0) {
    auto open = std::make_shared<Open>();
    open->height = height.seq();
    open->prev_hash = height.prev().hash;
    open->version = version;
    open->clock_ms = clock_ms;
    open->by.member = node_key(0);
    open->digest = open_digest(*open);
    return open;
}

SharedBlock make_block(std::uint8_t number, const SharedOpen& cites = nullptr) {
    auto block = std::make_shared<Block>();
    block->digest.data[0] = number;
    block->digest.data[1] = 1;
    if (cites) {
        block->opens.push_back({cites->by.member, cites->digest});
    }
    return block;
}

} // namespace

TEST_CASE("a member's OPENs do not pile up, whatever it sends") {
    const Members members;
    Height height = members.make();
    for (std::uint64_t i = 1; i < 1000; ++i) {
        height.add(make_open(height, i), 0);
        height.add(make_open(height, i, 1), 0);
        height.add(make_open(height, i, 2), 0);
    }
    CHECK(height.kept() <= 10);
    REQUIRE(height.opens().size() == 1);
    CHECK(height.opens()[0]->version == 999);
}

TEST_CASE("the newest OPEN and those that a block cites stay") {
    const Members members;
    Height height = members.make();
    const SharedOpen cited = make_open(height, 1);
    const SharedOpen newest = make_open(height, 5000);
    height.add(cited, 0);
    height.add(make_block(1, cited));
    height.add(newest, 0);
    for (std::uint64_t i = 2; i < 100; ++i) {
        height.add(make_open(height, i), 0);
    }
    CHECK(height.open({node_key(0), cited->digest}) == cited);
    CHECK(height.open({node_key(0), newest->digest}) == newest);
    CHECK(height.opens()[0] == newest);
}

TEST_CASE("an OPEN that has been let go is taken again when somebody sends it") {
    const Members members;
    Height height = members.make();
    const SharedOpen old = make_open(height, 1);
    height.add(old, 0);
    for (std::uint64_t i = 2; i < 100; ++i) {
        height.add(make_open(height, i), 0);
    }
    CHECK_FALSE(height.open({node_key(0), old->digest}));
    height.add(old, 0);
    CHECK(height.open({node_key(0), old->digest}) == old);
    CHECK(height.opens()[0]->version == 99);
}

TEST_CASE("blocks come and go, but what this member has voted for stays") {
    const Members members;
    Height height = members.make();
    for (std::uint8_t i = 0; i < 200; ++i) {
        Propose propose;
        propose.height = 6;
        propose.attempt = 0;
        propose.block = make_block(i);
        propose.by.member = node_key(0);
        AgreementOutput output;
        if (i == 10) { // the only one that is voted for
            REQUIRE(height.agreement().admits(propose, output));
            height.add(propose.block);
            height.agreement().on_valid(0, propose.block, output);
        } else {
            height.add(propose.block);
        }
        CHECK(height.block(propose.block->digest)); // the newest is always there
    }
    CHECK(height.block(make_block(10)->digest));
    CHECK_FALSE(height.block(make_block(11)->digest));
    CHECK(height.kept() <= 70);
}

TEST_CASE("who repeats an OPEN is heard, who only said it long ago is not") {
    Members members;
    Height height = members.make();
    SharedOpen open = make_open(height, 1);
    height.add(open, 100);
    CHECK(height.heard_since(100) == 1);
    CHECK(height.heard_since(101) == 0);
    height.add(open, 200);
    CHECK(height.heard_since(101) == 1);
    CHECK(height.open_count() == 1);
}
