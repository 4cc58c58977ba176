// SPDX-License-Identifier: Apache-2.0
// Damaged, torn, missing and unwanted deltas: dropped when they are the tail of an unfinished
// commit, refused when something that was committed is damaged, never half used.
#include <catch2/catch.hpp>
#include <csignal>
#include <fcntl.h>
#include <sys/resource.h>

#include "hp/base/codec.hpp"
#include "hp/crypto/blake3.hpp"
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

TEST_CASE("a state ahead of the ledgers is refused and nothing is touched") {
    TwoRuns runs;
    const Snapshot before = snapshot(runs.root_ / "base");
    for (const LedgerSeq last_decided : {LedgerSeq{0}, LedgerSeq{1}}) {
        const auto recovered = runs.recover(last_decided);
        REQUIRE_FALSE(recovered);
        CHECK(recovered.err().code == Errc::corrupt);
        CHECK(recovered.err().context.find("ledgers were lost") != std::string::npos);
        CHECK(difference(snapshot(runs.root_ / "base"), before).empty());
        CHECK(fs::exists(runs.delta(2)));
    }
    CHECK(runs.recover(2));
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

// --- deltas with a right checksum that break the rules ---------------------------------------

namespace {

constexpr std::uint8_t kind_removed = 1;
constexpr std::uint8_t kind_directory = 2;
constexpr std::uint8_t kind_symlink = 3;
constexpr std::uint8_t kind_file = 4;

class Forger {
public:
    explicit Forger(std::uint64_t changes) {
        out.raw(as_bytes("hpdelta1"));
        out.u64(1);
        out.raw(Bytes(96));
        out.u64(changes);
        out.bytes(as_bytes("record"));
    }

    Forger& path(std::uint8_t kind, std::string_view path) {
        out.u8(kind);
        out.bytes(as_bytes(path));
        return *this;
    }
    Forger& file_head(std::uint8_t flags, std::uint64_t size, std::uint32_t chunks) {
        path(kind_file, "state/f");
        out.u8(flags);
        out.u64(size);
        out.u32(chunks);
        return *this;
    }
    Forger& chunk(std::uint32_t index, std::uint8_t form, std::size_t length) {
        out.u32(index);
        out.u8(form);
        out.raw(Bytes(length));
        return *this;
    }

    bool is_accepted() {
        const TempDir temp;
        const Hash32 checksum = crypto::b3(out.view());
        out.fixed(checksum);
        put_file(temp.path() / "delta", as_text(out.view()));
        const auto delta =
            Delta::load(os::Fd(open((temp.path() / "delta").c_str(), O_RDONLY | O_CLOEXEC)));
        REQUIRE((delta || delta.err().code == Errc::corrupt));
        return delta.has_value();
    }

    Writer out;
};

} // namespace

TEST_CASE("forged deltas are refused") {
    CHECK(Forger(0).is_accepted());
    CHECK_FALSE(Forger(1).is_accepted());
    CHECK(Forger(1).path(kind_removed, "state/f").is_accepted());
    CHECK_FALSE(Forger(0).path(kind_removed, "state/f").is_accepted());
    CHECK_FALSE(Forger(1).path(0, "state/f").is_accepted());
    CHECK_FALSE(Forger(1).path(5, "state/f").is_accepted());
    CHECK(Forger(2).path(kind_removed, "state/a").path(kind_removed, "state/b").is_accepted());
    CHECK_FALSE(
        Forger(2).path(kind_removed, "state/a").path(kind_removed, "state/a").is_accepted());
    for (const char* path : {"", "state", "state/", "/etc/passwd", "../x", "state/..", "state/.",
                             "state/a/../b", "state//a", "state/a/", "seed/x", "statex/a"}) {
        INFO(path);
        CHECK_FALSE(Forger(1).path(kind_directory, path).is_accepted());
    }
    CHECK(Forger(1).path(kind_directory, "state/" + std::string(255, 'n')).is_accepted());
    CHECK_FALSE(Forger(1).path(kind_directory, "state/" + std::string(256, 'n')).is_accepted());
    CHECK_FALSE(Forger(1).path(kind_directory, std::string("state/a\0b", 9)).is_accepted());
    CHECK_FALSE(Forger(1).path(kind_directory, "patch.cfg").is_accepted());
    CHECK_FALSE(Forger(1).path(kind_removed, "patch.cfg").is_accepted());
    std::string deep = "state";
    for (int i = 0; i < 128; ++i) {
        deep += "/d";
    }
    CHECK(Forger(1).path(kind_directory, deep).is_accepted());
    CHECK_FALSE(Forger(1).path(kind_directory, deep + "/d").is_accepted());
}

TEST_CASE("forged symlinks and files in deltas are refused") {
    const auto with_target = [](std::string_view target) {
        Forger forger(1);
        forger.path(kind_symlink, "state/l").out.bytes(as_bytes(target));
        return forger.is_accepted();
    };
    CHECK(with_target("../../anything"));
    CHECK_FALSE(with_target(""));
    CHECK_FALSE(with_target(std::string_view("a\0b", 3)));
    CHECK_FALSE(with_target(std::string(4096, 't')));

    CHECK(Forger(1).file_head(3, 0, 0).is_accepted());
    CHECK_FALSE(Forger(1).file_head(4, 0, 0).is_accepted());
    CHECK(Forger(1).file_head(0, 10, 1).chunk(0, 1, 10).is_accepted());
    CHECK_FALSE(Forger(1).file_head(0, 10, 1).chunk(0, 1, 9).is_accepted());
    CHECK_FALSE(Forger(1).file_head(0, 10, 1).chunk(1, 1, 10).is_accepted());
    CHECK_FALSE(Forger(1).file_head(0, 10, 1).chunk(0, 0, 0).is_accepted()); // partial zeros
    CHECK_FALSE(Forger(1).file_head(0, 10, 1).chunk(0, 2, 10).is_accepted());
    CHECK(Forger(1).file_head(2, chunk_bytes, 1).chunk(0, 0, 0).is_accepted());
    CHECK_FALSE(Forger(1).file_head(2, chunk_bytes, 0).is_accepted()); // fresh lists all
    CHECK_FALSE(Forger(1).file_head(0, chunk_bytes, 2).is_accepted());
    CHECK(Forger(1).file_head(0, 2 * chunk_bytes, 2).chunk(0, 0, 0).chunk(1, 0, 0).is_accepted());
    CHECK_FALSE(
        Forger(1).file_head(0, 2 * chunk_bytes, 2).chunk(1, 0, 0).chunk(0, 0, 0).is_accepted());
    CHECK_FALSE(
        Forger(1).file_head(0, 2 * chunk_bytes, 2).chunk(0, 0, 0).chunk(0, 0, 0).is_accepted());
    CHECK_FALSE(Forger(1).file_head(0, UINT64_MAX, 0).is_accepted());
}

// --- a disk that refuses ---------------------------------------------------------------------

namespace {

// No file of this process can grow beyond `bytes` while this object lives.
class FileSizeLimit {
public:
    explicit FileSizeLimit(rlim_t bytes) {
        signal(SIGXFSZ, SIG_IGN);
        REQUIRE(getrlimit(RLIMIT_FSIZE, &before_) == 0);
        struct rlimit limit = before_;
        limit.rlim_cur = bytes;
        REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    }
    ~FileSizeLimit() {
        setrlimit(RLIMIT_FSIZE, &before_);
        signal(SIGXFSZ, SIG_DFL);
    }

private:
    struct rlimit before_ {};
};

} // namespace

TEST_CASE("after a failed commit only recovery decides") {
    TwoRuns runs;
    const auto store = open_ready(runs.root_, 2);
    put_file(runs.state() / "more", std::string(100'000, 'm'));
    capture_now(*store);
    {
        const FileSizeLimit limit(50'000);
        CHECK_FALSE(store->commit(3, {}));
    }
    CaptureStats stats;
    CHECK(store->capture(stats).error().code == Errc::unavailable);
    CHECK(store->discard().error().code == Errc::unavailable);
    CHECK(store->apply_pending().error().code == Errc::unavailable);
    const auto recovered = store->recover(3);
    REQUIRE(recovered);
    CHECK(recovered->committed_seq == 2);
    CHECK(difference(snapshot(runs.state()), runs.after_2_).empty());
}

TEST_CASE("readers never enter a base that could not be completed") {
    TwoRuns runs;
    {
        const auto store = open_ready(runs.root_, 2);
        put_at(runs.state() / "grown", 200'000, std::string(10, 'g')); // a small delta, a big file
        capture_now(*store);
        REQUIRE(store->commit(3, {}));
        const FileSizeLimit limit(150'000);
        CHECK_FALSE(store->apply_pending());
        CHECK_FALSE(store->gate().enter());
    }
    const auto recovered = runs.recover(3);
    REQUIRE(recovered);
    CHECK(recovered->committed_seq == 3);
    CHECK(get_file(runs.root_ / "base" / "state" / "grown").size() == 200'010);
}
