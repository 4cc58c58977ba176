// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "ledger/store.hpp"
#include "temp_dir.hpp"

using namespace hp;
using namespace hp::ledger;
using hp::test::TempDir;

TEST_CASE("the ledger store keeps what ties the vote log to it") {
    const TempDir dir;
    const auto open = [&dir] {
        auto store = Store::open(dir.path(), "id", {}, Store::Mode::read_write);
        REQUIRE(store);
        return std::move(*store);
    };
    auto store = open();
    CHECK_FALSE(store->vote_log_mark()->has_value());
    VoteLogMark mark;
    mark.id.data.fill(7);
    for (const std::uint64_t incarnation : {1U, 0xF000'0001U}) {
        mark.incarnation = incarnation;
        REQUIRE(store->set_vote_log_mark(mark));
        CHECK(*store->vote_log_mark() == mark);
    }
    store = nullptr;
    CHECK(*open()->vote_log_mark() == mark);
    // The log and the store through a start, and another with an older log.
    auto directory = os::open_store_directory(dir.path() / "votes");
    REQUIRE(directory);
    store = open();
    auto opened = VoteLog::open(**directory, {*store->vote_log_mark(), 0, false}, {});
    REQUIRE(opened);
    CHECK(opened->problem == "the vote log is missing");
    CHECK(opened->mark == VoteLogMark{mark.id, mark.incarnation + 1});
}
