// SPDX-License-Identifier: Apache-2.0
// Bundles as one file: one tree, one sequence of bytes, and nothing else is taken for one.
#include <catch2/catch.hpp>

#include "project/archive.hpp"

using namespace hp;
using namespace hp::dev;

namespace {

FileTree sample() {
    return {{"hp.cfg.override", {to_bytes("{}\n"), false}},
            {"bin/tally", {Bytes(1500, 7), true}},
            {"empty", {{}, false}},
            {std::string(100, 'd') + "/" + std::string(100, 'f'), {to_bytes("x"), false}}};
}

} // namespace

TEST_CASE("an archive gives back its files", "[archive]") {
    const auto archive = encode_archive(sample());
    REQUIRE(archive);
    CHECK(archive->size() % 512 == 0);
    const auto again = decode_archive(*archive);
    REQUIRE(again);
    CHECK(*again == sample());
}

TEST_CASE("no byte of an archive can be another one", "[archive]") {
    const Bytes archive = *encode_archive({{"a", {to_bytes("abc"), true}}});
    REQUIRE(archive.size() == 4 * 512);
    for (std::size_t i = 0; i < archive.size(); ++i) {
        Bytes damaged = archive;
        damaged[i] ^= 1;
        const auto tree = decode_archive(damaged);
        // Only the content is not covered by the archive itself: that is what its hash is for.
        CHECK(tree.has_value() == (i >= 512 && i < 515));
    }
    for (std::size_t size = 0; size < archive.size(); ++size) {
        CHECK_FALSE(decode_archive(ByteView(archive).first(size)));
    }
    Bytes longer = archive;
    longer.push_back(0);
    CHECK_FALSE(decode_archive(longer));
}

TEST_CASE("archives with other names, or in another order, are refused", "[archive]") {
    const Bytes a = *encode_archive({{"a", {}}});
    const Bytes b = *encode_archive({{"b", {}}});
    Bytes both(b.begin(), b.begin() + 512);
    both.insert(both.end(), a.begin(), a.end());
    CHECK_FALSE(decode_archive(both));
    Bytes twice(a.begin(), a.begin() + 512);
    twice.insert(twice.end(), a.begin(), a.end());
    CHECK_FALSE(decode_archive(twice));
    for (const char* name : {"/a", "../a", "a/../b", "a//b", "./a", "a/"}) {
        CHECK_FALSE(decode_archive(*encode_archive({{name, {}}})));
    }
    CHECK_FALSE(decode_archive(*encode_archive({})));
    CHECK_FALSE(encode_archive({{std::string(101, 'x'), {}}}));
    CHECK_FALSE(encode_archive({{std::string(300, 'x'), {}}}));
}
