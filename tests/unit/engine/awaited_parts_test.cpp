// SPDX-License-Identifier: Apache-2.0
// When it is worth looking for a block's parts again.
#include <catch2/catch.hpp>

#include "consensus/awaited_parts.hpp"
#include "fake_signature.hpp"

using namespace hp;
using namespace hp::consensus;

namespace {

// What has come, by digest.
struct Parts final : BlockParts {
    std::set<Hash32> here;

    SharedOpen open(const OpenRef& ref) const override {
        return here.count(ref.digest) == 0 ? nullptr : std::make_shared<Open>();
    }
    proto::SharedInput input(const Hash32& hash) const override {
        return here.count(hash) == 0 ? nullptr : std::make_shared<proto::SignedInput>();
    }
};

Hash32 hash(std::uint8_t number) {
    Hash32 out;
    out.data[0] = number;
    return out;
}

} // namespace

TEST_CASE("parts are looked for again when all that were missing have come") {
    Parts parts;
    AwaitedParts awaited;
    CHECK_FALSE(awaited.lacks(hash(9), parts)); // nothing is known yet
    awaited.await(hash(9), {{}, {hash(1), hash(2)}});
    CHECK(awaited.lacks(hash(9), parts));
    parts.here = {hash(2)};
    CHECK(awaited.lacks(hash(9), parts));
    parts.here = {hash(1), hash(2)};
    CHECK_FALSE(awaited.lacks(hash(9), parts));
    CHECK_FALSE(awaited.lacks(hash(9), parts));
}

TEST_CASE("what is missing of one block says nothing about another") {
    AwaitedParts awaited;
    awaited.await(hash(9), {{}, {hash(1)}});
    CHECK_FALSE(awaited.lacks(hash(8), Parts()));
    awaited.clear();
    CHECK_FALSE(awaited.lacks(hash(9), Parts()));
}

TEST_CASE("the last OPEN may require more inputs than were known to be missing") {
    Parts parts;
    AwaitedParts awaited;
    awaited.await({}, {{{sim::node_key(0), hash(3)}, {sim::node_key(1), hash(4)}}, {hash(1)}});
    parts.here = {hash(1), hash(3)};
    CHECK(awaited.lacks({}, parts));
    parts.here = {hash(3), hash(4)};
    CHECK_FALSE(awaited.lacks({}, parts));
    CHECK(awaited.lacks({}, parts)); // after that only the input is
}
