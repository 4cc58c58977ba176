// SPDX-License-Identifier: Apache-2.0
// Looking at the versions on disk from outside: of a stopped node, of one that has committed but
// not applied, of one that goes on, and of a damaged one. Looking changes nothing.
#include <catch2/catch.hpp>

#include "state/history.hpp"
#include "state_support.hpp"

using namespace hp;
using namespace hp::state;
using namespace hp::state::test;

namespace {

std::string content(VersionReader& reader, const std::string& path) {
    const EntryPtr file = reader.find(path);
    REQUIRE(file);
    std::string out;
    for (std::uint32_t i = 0; i < file->chunks.size(); ++i) {
        const auto bytes = reader.chunk(path, *file, i);
        REQUIRE(bytes);
        out += as_text(*bytes);
    }
    return out;
}

History open_history(const fs::path& root) {
    auto history = History::open(root);
    INFO((history ? std::string() : history.err().context));
    REQUIRE(history);
    return std::move(*history);
}

void grow(ReadyStore& node, bool apply = true) {
    const LedgerSeq seq = node.seq + 1;
    put_file(node.live() / "n", "after " + std::to_string(seq));
    put_at(node.live() / "data" / "big", seq * 40'000, "run " + std::to_string(seq));
    put_file(node.patch(), "{\"n\":" + std::to_string(seq) + "}");
    capture_now(*node.store);
    REQUIRE(node.store->commit(seq, {}));
    if (apply) {
        REQUIRE(*node.store->apply_pending());
    }
    node.seq = seq;
}

} // namespace

TEST_CASE("every kept version can be looked at, and looking changes nothing") {
    ReadyStore node;
    std::vector<Roots> roots{node.store->roots()};
    for (int i = 0; i < 6; ++i) {
        if (i == 4) {
            REQUIRE(node.store->checkpoint(2));
        }
        grow(node, i < 5); // the last is committed, but base/ does not have it
        roots.push_back(node.store->roots());
    }
    const bool stopped = GENERATE(true, false);
    if (stopped) {
        node.store.reset();
    }
    const Snapshot before = snapshot(node.root);
    const History history = open_history(node.root);
    REQUIRE(history.versions().size() == 7);
    for (LedgerSeq seq = 0; seq <= 6; ++seq) {
        VersionReader reader = history.reader();
        REQUIRE(reader.select_seq(seq));
        CHECK(reader.version().seq == seq);
        CHECK(reader.version().roots == roots[seq]);
        if (seq > 0) {
            CHECK(content(reader, "state/n") == "after " + std::to_string(seq));
            CHECK(content(reader, "patch.cfg") == "{\"n\":" + std::to_string(seq) + "}");
        }
        CHECK(content(reader, "state/data/big").size() == 300'000);
    }
    VersionReader reader = history.reader();
    REQUIRE(reader.select_seq(UINT64_MAX));
    CHECK(reader.version().seq == 6);
    CHECK(difference(snapshot(node.root), before).empty());
}

TEST_CASE("a node that goes on is never shown half way") {
    ReadyStore node;
    grow(node);
    const History history = open_history(node.root);
    VersionReader reader = history.reader();
    REQUIRE(reader.select_seq(1));
    CHECK(content(reader, "state/n") == "after 1");
    grow(node);
    const EntryPtr file = reader.find("state/n");
    CHECK_FALSE(reader.chunk("state/n", *file, 0)); // overwritten: not the new content either
    CHECK(open_history(node.root).versions().back().seq == 2);
}

TEST_CASE("what does not fit together is said") {
    ReadyStore node;
    grow(node);
    grow(node);
    node.store.reset();
    SECTION("base") {
        put_at(node.base() / "n", 0, "?");
        const auto history = History::open(node.root);
        REQUIRE_FALSE(history);
        CHECK(history.err().code == Errc::corrupt);
    }
    SECTION("a delta before the last") {
        put_at(node.root / "deltas" / delta_name(1), 50, "?");
        const auto history = History::open(node.root);
        REQUIRE_FALSE(history);
        CHECK(history.err().code == Errc::corrupt);
    }
    SECTION("an undo costs what is behind it") {
        put_at(node.root / "versions" / delta_name(2), 50, "?");
        CHECK(open_history(node.root).versions().size() == 1);
    }
    SECTION("nothing there") {
        const auto history = History::open(node.outside() / "nowhere");
        REQUIRE_FALSE(history);
        CHECK(history.err().code == Errc::not_found);
    }
}
