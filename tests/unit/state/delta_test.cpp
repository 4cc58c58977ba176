// SPDX-License-Identifier: Apache-2.0
// Damaged, torn, missing and unwanted deltas: dropped when they are the tail of an unfinished
// commit, refused when something that was committed is damaged, never half used.
#include <catch2/catch.hpp>

#include "state_support.hpp"

using namespace hp;
using namespace hp::state;
using namespace hp::state::test;

namespace {

// Run 1 is committed and applied, run 2 committed only.
class TwoRuns {
public:
    TwoRuns() : root_(temp_.path() / "contract_fs") {
        fs::create_directory(root_);
        make_contract_fs(root_);
        const auto store = open_ready(root_, 0);
        put_file(state() / "file", std::string(100'000, '1'));
        run_and_commit(*store, 1);
        after_1_ = snapshot(state());
        put_at(state() / "file", 50, "two");
        put_file(state() / "other", "2");
        capture_now(*store);
        REQUIRE(store->commit(2, as_bytes("record 2")));
        after_2_ = snapshot(state());
    }

    fs::path state() const { return root_ / "seed" / "state"; }
    fs::path delta(LedgerSeq seq) const { return root_ / "deltas" / delta_name(seq); }

    Result<Recovered> recover(LedgerSeq last_decided) {
        auto store = open_store(root_, Log());
        REQUIRE(store);
        return (*store)->recover(last_decided);
    }

    void expect_after_1() {
        const auto recovered = recover(2);
        REQUIRE(recovered);
        CHECK(recovered->committed_seq == 1);
        CHECK(to_text(recovered->record) == "record 1");
        CHECK(difference(snapshot(state()), after_1_).empty());
        CHECK(difference(snapshot(root_ / "base" / "state"), after_1_).empty());
    }

    TempDir temp_;
    fs::path root_;
    Snapshot after_1_;
    Snapshot after_2_;
};

} // namespace

TEST_CASE("a whole delta is used") {
    TwoRuns runs;
    const auto recovered = runs.recover(2);
    REQUIRE(recovered);
    CHECK(recovered->committed_seq == 2);
    CHECK(to_text(recovered->record) == "record 2");
    CHECK(difference(snapshot(runs.state()), runs.after_2_).empty());
}

TEST_CASE("a torn newest delta is dropped") {
    const std::size_t part = GENERATE(range<std::size_t>(0, 20));
    TwoRuns runs;
    const std::string whole = get_file(runs.delta(2));
    put_file(runs.delta(2), std::string_view(whole).substr(0, whole.size() * part / 20));
    runs.expect_after_1();
    CHECK_FALSE(fs::exists(runs.delta(2)));
}

TEST_CASE("a newest delta with a flipped bit is dropped") {
    const std::size_t part = GENERATE(range<std::size_t>(0, 20));
    TwoRuns runs;
    std::string bytes = get_file(runs.delta(2));
    bytes[(bytes.size() - 1) * part / 19] ^= 4;
    put_file(runs.delta(2), bytes);
    runs.expect_after_1();
}

TEST_CASE("a longer newest delta is dropped") {
    TwoRuns runs;
    put_file(runs.delta(2), get_file(runs.delta(2)) + "x");
    runs.expect_after_1();
}

TEST_CASE("a damaged delta before the newest is refused and nothing is touched") {
    TwoRuns runs;
    put_file(runs.delta(1), "damaged");
    const Snapshot base = snapshot(runs.root_ / "base" / "state");
    const auto recovered = runs.recover(2);
    REQUIRE_FALSE(recovered);
    CHECK(recovered.err().code == Errc::corrupt);
    CHECK(difference(snapshot(runs.root_ / "base" / "state"), base).empty());
    CHECK(fs::exists(runs.delta(2)));
}

TEST_CASE("a missing delta is noticed") {
    TwoRuns runs;
    fs::remove(runs.delta(1));
    const auto recovered = runs.recover(2);
    REQUIRE_FALSE(recovered);
    CHECK(recovered.err().code == Errc::corrupt);
}

TEST_CASE("a delta under another name is refused") {
    TwoRuns runs;
    fs::rename(runs.delta(2), runs.delta(3));
    const auto recovered = runs.recover(3);
    REQUIRE_FALSE(recovered);
    CHECK(recovered.err().code == Errc::corrupt);
}

TEST_CASE("a run of a ledger that was never decided is dropped") {
    TwoRuns runs;
    const auto recovered = runs.recover(1);
    REQUIRE(recovered);
    CHECK(recovered->committed_seq == 1);
    CHECK(difference(snapshot(runs.state()), runs.after_1_).empty());
    CHECK_FALSE(fs::exists(runs.delta(2)));
}

TEST_CASE("damage in base is noticed, and so is a state ahead of the ledger") {
    TwoRuns runs;
    {
        const auto store = open_ready(runs.root_, 2);
        REQUIRE(store->checkpoint(2));
    }
    CHECK(fs::is_empty(runs.root_ / "deltas"));
    {
        const auto recovered = runs.recover(2);
        REQUIRE(recovered);
        CHECK(recovered->committed_seq == 2);
        CHECK(recovered->record.empty());
    }
    CHECK_FALSE(runs.recover(1));
    put_at(runs.root_ / "base" / "state" / "data" / "big", 10, "X");
    const auto recovered = runs.recover(2);
    REQUIRE_FALSE(recovered);
    CHECK(recovered.err().code == Errc::corrupt);
}

TEST_CASE("left-overs of an interrupted checkpoint are not replayed") {
    TwoRuns runs;
    const std::string one = get_file(runs.delta(1));
    {
        const auto store = open_ready(runs.root_, 2);
        REQUIRE(store->checkpoint(2));
    }
    put_file(runs.delta(1), one); // its removal never reached the disk, that of 2 did
    const auto recovered = runs.recover(2);
    REQUIRE(recovered);
    CHECK(difference(snapshot(runs.state()), runs.after_2_).empty());
    CHECK_FALSE(fs::exists(runs.delta(1)));
}

TEST_CASE("a damaged or missing checkpoint is refused") {
    TwoRuns runs;
    const fs::path file = runs.root_ / "checkpoint";
    std::string bytes = get_file(file);
    bytes[12] ^= 1;
    put_file(file, bytes);
    CHECK_FALSE(runs.recover(2));
    fs::remove(file);
    CHECK_FALSE(runs.recover(2));
}

TEST_CASE("a 4 KiB change in a large file costs one chunk") {
    const TempDir temp;
    const fs::path root = temp.path() / "contract_fs";
    fs::create_directory(root);
    make_contract_fs(root);
    put_file(root / "seed" / "state" / "large", std::string(20U << 20U, 'L'));
    const auto store = open_ready(root, 0);
    put_at(root / "seed" / "state" / "large", 7'340'032, std::string(4096, 'x'));
    CaptureStats stats;
    REQUIRE(store->capture(stats));
    CHECK(stats.changed_files == 1);
    CHECK(stats.changed_bytes == chunk_bytes);
    REQUIRE(store->commit(1, {}));
    CHECK(fs::file_size(root / "deltas" / delta_name(1)) < chunk_bytes + 512);
}

TEST_CASE("names of deltas") {
    CHECK(delta_name(42) == "00000000000000000042");
    CHECK(parse_delta_name("00000000000000000042") == 42);
    CHECK(parse_delta_name("18446744073709551615") == UINT64_MAX);
    CHECK_FALSE(parse_delta_name("18446744073709551616"));
    CHECK_FALSE(parse_delta_name("0000000000000000004x"));
    CHECK_FALSE(parse_delta_name("42"));
    CHECK_FALSE(parse_delta_name("000000000000000000042"));
}
