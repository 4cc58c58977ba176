// SPDX-License-Identifier: Apache-2.0
// The vote log over a disk that loses, tears, fails and is tampered with. What must hold whatever
// happens: a record whose append has returned is given back at the next start, or the start says
// that votes may be missing.
#include <catch2/catch.hpp>

#include <fstream>

#include "hp/crypto/blake3.hpp"
#include "ledger/vote_log.hpp"
#include "temp_dir.hpp"
#include "virtual_disk.hpp"

using namespace hp;
using namespace hp::ledger;
using hp::test::TempDir;
using hp::test::VirtualDisk;

namespace {

using Records = std::vector<VoteRecord>;

VoteRecord make_record(LedgerSeq height, std::size_t number, std::size_t size = 40) {
    Bytes bytes = to_bytes("record " + std::to_string(number) + " ");
    bytes.resize(size, static_cast<std::uint8_t>(number));
    return {height, bytes};
}

// A node: what is in its ledger store, and the log while it runs.
struct Node {
    VoteLog::Past past;
    std::uint64_t now_s = 1000;
    std::size_t file_bytes = 4096;
    std::uint8_t starts = 0;
    std::unique_ptr<VoteLog> log;

    VoteLog::Options options(bool vouched = false) {
        VoteLog::Options out;
        out.now_s = now_s;
        out.entropy.data[0] = ++starts;
        out.file_bytes = file_bytes;
        out.vouched = vouched;
        return out;
    }
    Result<VoteLog::Opened> try_start(os::StoreDirectory& disk, bool vouched = false) {
        log.reset();
        auto opened = VoteLog::open(disk, past, options(vouched));
        if (opened) {
            past.mark = opened->mark;
            log = std::move(opened->log);
        }
        return opened;
    }
    VoteLog::Opened start(os::StoreDirectory& disk, bool vouched = false) {
        auto opened = try_start(disk, vouched);
        REQUIRE(opened);
        return std::move(*opened);
    }
    void decide(LedgerSeq seq) {
        past.head = seq;
        past.any = true;
        log->decided(seq);
    }
};

Records all_above(LedgerSeq head, const std::vector<Records>& batches) {
    Records out;
    for (const Records& batch : batches) {
        std::copy_if(batch.begin(), batch.end(), std::back_inserter(out),
                     [head](const VoteRecord& record) { return record.height > head; });
    }
    return out;
}

// Five ledgers, three appends each, in a file that holds about one of them. Stops where the disk
// does; what was promised to be durable, and the batch that was under way, are in the members.
struct Story {
    std::vector<Records> promised;
    Records under_way;

    bool append(Node& node, Records batch) {
        under_way = batch;
        if (!node.log->append(batch)) {
            return false;
        }
        promised.push_back(std::move(batch));
        under_way.clear();
        return true;
    }
    bool run(Node& node, VirtualDisk& disk) {
        const auto opened = node.try_start(disk);
        if (!opened) {
            return false;
        }
        CHECK(opened->problem.empty());
        for (LedgerSeq height = node.past.head + 1; height <= 5; ++height) {
            for (std::size_t i = 0; i < 3; ++i) {
                const std::size_t number = height * 10 + i;
                if (!append(node, {make_record(height, number, 600 * i + 1),
                                   make_record(height, number + 5)})) {
                    return false;
                }
            }
            node.decide(height);
        }
        return true;
    }
    // After a restart: everything promised, and of what was under way all or nothing.
    void check(const Node& node, const VoteLog::Opened& opened) const {
        CHECK(opened.problem.empty());
        CHECK(node.log->is_complete());
        const Records sure = all_above(node.past.head, promised);
        std::vector<Records> more = promised;
        more.push_back(under_way);
        const Records possible = all_above(node.past.head, more);
        CHECK((opened.records == sure || opened.records == possible));
    }
};

// A log with three appends at height 1 in a file of its own, and where its frames begin.
struct Written {
    VirtualDisk disk;
    Node node;
    std::vector<Records> batches;

    explicit Written(std::uint64_t seed = 7) : disk(seed) {
        node.file_bytes = 8192;
        node.start(disk);
        for (std::size_t i = 0; i < 3; ++i) {
            batches.push_back({make_record(1, i, 700), make_record(1, i + 10)});
            REQUIRE(node.log->append(batches.back()));
        }
    }
    Bytes content() const { return *disk.content("log"); }
    VoteLog::Opened restart_with(const Bytes& changed) {
        disk.overwrite("log", changed);
        return node.start(disk);
    }
};
constexpr std::size_t frame_bytes = 2 * vote_block_bytes; // of each of Written's

void check_refused(const VoteLog::Opened& opened, const Node& node, const std::string& why) {
    INFO(why);
    CHECK(opened.problem.find(why) != std::string::npos);
    CHECK(opened.records.empty());
    CHECK_FALSE(node.log->is_complete());
}

} // namespace

TEST_CASE("records come back in order until their ledger is decided") {
    VirtualDisk disk(1);
    Node node;
    CHECK(node.start(disk).problem.empty());
    const Records first{make_record(1, 1), make_record(1, 2)};
    const Records second{make_record(1, 3)};
    REQUIRE(node.log->append(first));
    REQUIRE(node.log->append(second));
    CHECK(node.start(disk).records == Records{first[0], first[1], second[0]});
    CHECK(node.start(disk).records.size() == 3); // and again
    node.decide(1);
    REQUIRE(node.log->append(Records{make_record(2, 4)}));
    CHECK(node.start(disk).records == Records{make_record(2, 4)});
}

TEST_CASE("the bytes of docs/protocol/vote-log.md") {
    VoteFileHeader header;
    header.id.data.fill(1);
    header.salt.data.fill(2);
    header.incarnation = 3;
    header.complete = true;
    header.decided = 4;
    header.size = 1024;
    header.identity = os::FileIdentity{5, 6};
    const auto check = [&](const Bytes& bytes) {
        const Hash32 hash = crypto::b3({header.salt.view(), bytes});
        return Bytes(hash.data.begin(), hash.data.begin() + 16);
    };
    const auto number = [](std::uint64_t value, std::size_t size) {
        Bytes out(size);
        for (std::size_t i = size; i > 0; --i, value >>= 8) {
            out[i - 1] = static_cast<std::uint8_t>(value);
        }
        return out;
    };
    Bytes first = to_bytes("hpvotes1");
    for (const Bytes& part : {Bytes(16, 1), Bytes(16, 2), number(3, 8), Bytes{1}, number(4, 8),
                              number(1024, 8), Bytes{1}, number(5, 8), number(6, 8)}) {
        append(first, part);
    }
    append(first, check(first));
    first.resize(512);
    CHECK(encode_header(header) == first);

    Bytes frame = to_bytes("vote");
    for (const Bytes& part : {number(4 + 12 + 3, 4), number(7, 8), number(1, 4), number(9, 8),
                              number(3, 4), to_bytes("abc")}) {
        append(frame, part);
    }
    append(frame, check(frame));
    frame.resize(512);
    const Records records{{9, to_bytes("abc")}};
    CHECK(encode_frame(header.salt, 7, records) == frame);
}

TEST_CASE("a log of any length stays in a file of bounded size") {
    VirtualDisk disk(1);
    Node node;
    node.start(disk);
    for (LedgerSeq height = 1; height <= 200; ++height) {
        REQUIRE(node.log->append(Records{make_record(height, height, 900)}));
        node.decide(height);
    }
    CHECK(disk.content("log")->size() == node.file_bytes);
    CHECK(disk.list()->size() == 1);
    // One ledger with more than the file holds makes it larger, the next one small again.
    std::vector<Records> batches;
    for (std::size_t i = 0; i < 20; ++i) {
        batches.push_back({make_record(201, i, 5000)});
        REQUIRE(node.log->append(batches.back()));
    }
    CHECK(disk.content("log")->size() > 20 * 5000);
    CHECK(node.start(disk).records == all_above(200, batches));
    node.decide(201);
    node.start(disk);
    CHECK(disk.content("log")->size() == node.file_bytes);
}

TEST_CASE("power fails at every operation") {
    const auto moment = GENERATE(VirtualDisk::Moment::before, VirtualDisk::Moment::during,
                                 VirtualDisk::Moment::after);
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        std::uint64_t last_incarnation = 0;
        for (std::uint64_t cut = 1;; ++cut) {
            VirtualDisk disk(seed * 1000 + cut);
            Node node;
            Story story;
            disk.cut_power(cut, moment);
            if (story.run(node, disk)) {
                CHECK(cut > 40); // all of the story has been tried
                break;
            }
            REQUIRE(disk.is_off());
            disk.power_cycle();
            // Once more while recovering, then in peace.
            disk.cut_power(disk.operations() + 1 + cut % 8, moment);
            const auto interrupted = node.try_start(disk);
            if (interrupted) {
                story.check(node, *interrupted);
            }
            last_incarnation = interrupted ? interrupted->mark.incarnation : 0;
            disk.power_cycle();
            const auto opened = node.start(disk);
            story.check(node, opened);
            CHECK(opened.mark.incarnation > last_incarnation);
            CHECK(story.run(node, disk));
            CHECK(disk.list()->size() == 1);
        }
    }
}

TEST_CASE("an operation fails, and the node starts again") {
    const auto code = GENERATE(Errc::no_space, Errc::io);
    const bool power_fails_later = GENERATE(false, true);
    for (std::uint64_t failing = 1;; ++failing) {
        VirtualDisk disk(failing);
        Node node;
        Story story;
        disk.fail(failing, code);
        if (story.run(node, disk)) {
            CHECK(failing > 40);
            break;
        }
        REQUIRE_FALSE(disk.is_off());
        if (node.log) { // it does not go on as if nothing had happened
            const auto again = node.log->append(Records{make_record(9, 9)});
            CHECK(again.err().code == Errc::closed);
            CHECK(node.log->set_complete(false).err().code == Errc::closed);
        }
        story.check(node, node.start(disk)); // what it reads now may be in memory only
        if (power_fails_later) {
            disk.power_cycle();
            story.check(node, node.start(disk));
        }
        CHECK(story.run(node, disk));
    }
}

TEST_CASE("a flipped bit is found, or is one of the last append's") {
    const Bytes good = Written().content();
    const std::size_t last = vote_block_bytes + 2 * frame_bytes;
    std::size_t refused = 0;
    for (std::size_t at = 0; at < good.size(); ++at) {
        Written written;
        Bytes changed = written.content();
        changed[at] ^= static_cast<std::uint8_t>(1U << at % 8);
        const auto opened = written.restart_with(changed);
        if (!opened.problem.empty()) {
            REQUIRE(at < last);
            REQUIRE(opened.records.empty());
            REQUIRE_FALSE(written.node.log->is_complete());
            REQUIRE(written.disk.list()->size() == 2); // the damaged file is kept
            ++refused;
        } else if (opened.records != all_above(0, written.batches)) {
            REQUIRE(at >= last);
            REQUIRE(opened.records == all_above(0, {written.batches[0], written.batches[1]}));
        }
    }
    CHECK(refused > 2 * 700); // everything but padding
}

TEST_CASE("a file cut short at any byte is refused") {
    const Bytes good = Written().content();
    for (std::size_t size = 0; size < good.size(); size += size < 4000 ? 1 : 97) {
        Written written;
        Bytes changed = written.content();
        changed.resize(size);
        check_refused(written.restart_with(changed), written.node, "damaged");
        REQUIRE(written.disk.content(written.disk.list()->back()) == changed);
    }
}

TEST_CASE("frames in the wrong place") {
    Written written;
    Bytes bytes = written.content();
    const auto frame = [&](std::size_t index) {
        const auto begin =
            bytes.begin() + static_cast<std::ptrdiff_t>(vote_block_bytes + index * frame_bytes);
        return std::pair(begin, begin + frame_bytes);
    };
    SECTION("one is missing in the middle") {
        std::fill(frame(1).first, frame(1).second, std::uint8_t{0});
        check_refused(written.restart_with(bytes), written.node, "frame 2 at byte 1536");
    }
    SECTION("two have changed places") {
        std::swap_ranges(frame(0).first, frame(0).second, frame(1).first);
        check_refused(written.restart_with(bytes), written.node, "frame 1 is missing");
    }
    SECTION("an old one comes again") {
        std::copy(frame(0).first, frame(0).second, frame(3).first);
        check_refused(written.restart_with(bytes), written.node, "frame 4 is missing");
    }
    SECTION("one of an earlier file lies where the next would go") {
        written.node.start(written.disk); // a new file, with all records in one frame
        Bytes now = written.content();
        const std::size_t free = vote_block_bytes + 3 * frame_bytes;
        std::copy(frame(0).first, frame(2).second, now.begin() + static_cast<std::ptrdiff_t>(free));
        const auto opened = written.restart_with(now);
        CHECK(opened.problem.empty());
        CHECK(opened.records == all_above(0, written.batches));
    }
    SECTION("a record contains one") {
        const Records inside{{1, Bytes(frame(0).first, frame(0).second)}};
        REQUIRE(written.node.log->append(inside));
        written.disk.power_cycle();
        CHECK(written.node.start(written.disk).records.size() == 7);
    }
}

TEST_CASE("a log that is missing") {
    Written written;
    written.disk.lose("log");
    SECTION("though the node was started before") {
        check_refused(written.node.start(written.disk), written.node, "missing");
    }
    SECTION("and the mark in the ledger store, too, but not the ledgers") {
        written.node.past = {std::nullopt, 5, true};
        check_refused(written.node.start(written.disk), written.node, "missing");
    }
    SECTION("with everything else: a new node") {
        written.node.past = {};
        CHECK(written.node.start(written.disk).problem.empty());
        CHECK(written.node.log->is_complete());
    }
}

TEST_CASE("a log that was put back") {
    Written written;
    Node& node = written.node;
    const Bytes old = written.content();
    SECTION("as a copy, even of the newest state") {
        written.disk.put_copy("log", old);
        check_refused(node.start(written.disk), node, "copy");
    }
    SECTION("by writing over the file, from an earlier start") {
        node.start(written.disk);
        check_refused(written.restart_with(old), node, "copy"); // every start has a new file
    }
    SECTION("where no file has an identity, from an earlier start") {
        node.start(written.disk);
        auto file = decode_vote_file(old);
        REQUIRE(file);
        file->header.identity = std::nullopt;
        Bytes bytes = encode_header(file->header);
        append(bytes, encode_frame(file->header.salt, 1, file->records));
        bytes.resize(file->header.size);
        check_refused(written.restart_with(bytes), node, "older than the ledgers");
    }
    SECTION("from another node") {
        Written other;
        other.node.starts = 100;
        other.node.past = {};
        other.disk.lose("log");
        other.node.start(other.disk);
        node.past.mark = other.node.past.mark;
        check_refused(node.start(written.disk), node, "do not belong together");
    }
}

TEST_CASE("ledgers that are older than the log") {
    VirtualDisk disk(3);
    Node node;
    node.start(disk);
    for (LedgerSeq height = 1; height <= 4; ++height) {
        REQUIRE(node.log->append(Records{make_record(height, height)}));
        node.decide(height);
    }
    SECTION("it has votes for later ones") {
        REQUIRE(node.log->append(Records{make_record(5, 5)}));
        node.past.head = 3;
    }
    SECTION("it has let go of votes for later ones") {
        node.start(disk);
        node.past.head = 3;
    }
    SECTION("they know nothing of it") {
        node.past.mark = std::nullopt;
    }
    check_refused(node.start(disk), node, "the ledgers are older");
}

TEST_CASE("that votes may be missing is remembered until it no longer matters") {
    Written written;
    Node& node = written.node;
    written.disk.lose("log");
    check_refused(node.start(written.disk), node, "missing");
    REQUIRE(node.log->append(Records{make_record(1, 1)}));
    const auto again = node.start(written.disk);
    CHECK(again.problem.find("earlier start") != std::string::npos);
    CHECK(again.records.size() == 1);
    CHECK_FALSE(node.log->is_complete());
    REQUIRE(node.log->set_complete(true));
    written.disk.power_cycle();
    CHECK(node.start(written.disk).problem.empty());
    CHECK(node.log->is_complete());
    // And the other way round: others have shown it a vote that it does not know.
    REQUIRE(node.log->set_complete(false));
    written.disk.power_cycle();
    node.start(written.disk);
    CHECK_FALSE(node.log->is_complete());
    written.disk.fail(written.disk.operations() + 2, Errc::io);
    CHECK_FALSE(node.log->set_complete(true));
    CHECK(node.log->append(Records{make_record(1, 2)}).err().code == Errc::closed);
}

TEST_CASE("that votes may be missing is not forgotten in a crash") {
    const auto moment = GENERATE(VirtualDisk::Moment::before, VirtualDisk::Moment::during,
                                 VirtualDisk::Moment::after);
    const int what = GENERATE(0, 1, 2);
    const std::uint64_t seed = GENERATE(1U, 2U, 3U, 4U, 5U, 6U);
    for (std::uint64_t cut = 1;; ++cut) {
        Written written(seed);
        Node& node = written.node;
        if (what == 0) {
            written.disk.overwrite("log", to_bytes("damaged"));
        } else if (what == 1) {
            written.disk.put_copy("log", written.content());
        } else { // nothing but the log itself shows that there was a past
            node.past = {};
        }
        written.disk.cut_power(written.disk.operations() + cut, moment);
        const auto opened = node.try_start(written.disk);
        CHECK((!opened || !node.log->is_complete()));
        if (!written.disk.is_off()) {
            CHECK(cut > 5);
            break;
        }
        written.disk.power_cycle();
        CHECK_FALSE(node.start(written.disk).problem.empty());
        CHECK_FALSE(node.log->is_complete());
    }
}

TEST_CASE("the operator vouches for a log") {
    Written written;
    Node& node = written.node;
    SECTION("that was copied: its records count") {
        written.disk.put_copy("log", written.content());
        const auto opened = node.start(written.disk, true);
        CHECK(opened.problem == "the vote log is a copy");
        CHECK(opened.records == all_above(0, written.batches));
    }
    SECTION("that is missing") {
        written.disk.lose("log");
        CHECK(node.start(written.disk, true).problem == "the vote log is missing");
    }
    SECTION("that is damaged") {
        Bytes bytes = written.content();
        bytes[20] ^= 1;
        written.disk.overwrite("log", bytes);
        CHECK(node.start(written.disk, true).records.empty());
    }
    CHECK(node.log->is_complete());
    CHECK(node.start(written.disk).problem.empty());
}

TEST_CASE("the last damaged logs are kept for the operator") {
    VirtualDisk disk(5);
    Node node;
    node.start(disk);
    for (int i = 0; i < 9; ++i) {
        disk.overwrite("log", to_bytes("damage " + std::to_string(i)));
        check_refused(node.start(disk), node, "damaged");
    }
    const auto names = *disk.list();
    REQUIRE(names.size() == 5);
    CHECK(disk.content(names[1]) == to_bytes("damage 5"));
    CHECK(disk.content(names[4]) == to_bytes("damage 8"));
}

TEST_CASE("incarnations rise with every start and with the clock") {
    VirtualDisk disk(5);
    Node node;
    CHECK(node.start(disk).mark.incarnation == 1000);
    CHECK(node.start(disk).mark.incarnation == 1001);
    node.now_s = 2000;
    CHECK(node.start(disk).mark.incarnation == 2000);
    node.now_s = 5; // it was wrong
    CHECK(node.start(disk).mark.incarnation == 2001);
    CHECK(node.log->incarnation() == 2001);
    disk.lose("log");
    node.past = {};
    node.now_s = 3000; // everything is lost
    CHECK(node.start(disk).mark.incarnation == 3000);
    node.now_s = UINT64_MAX;
    CHECK(node.start(disk).mark.incarnation + 1'000'000 < UINT32_MAX);
}

TEST_CASE("the vote log in a real directory") {
    const TempDir dir;
    const auto path = dir.path() / "ledger_fs" / "votes";
    auto directory = os::open_store_directory(path);
    REQUIRE(directory);
    Node node;
    node.start(**directory);
    std::vector<Records> batches;
    for (std::size_t i = 0; i < 30; ++i) {
        batches.push_back({make_record(1, i, 300)});
        REQUIRE(node.log->append(batches.back()));
    }
    CHECK(node.start(**directory).records == all_above(0, batches));
    const bool has_identities = (*(*directory)->open("log"))->identity()->has_value();

    SECTION("a copy of it") {
        std::filesystem::copy_file(path / "log", path / "copy");
        std::filesystem::rename(path / "copy", path / "log");
        const auto opened = node.start(**directory);
        CHECK(opened.problem == (has_identities ? "the vote log is a copy" : ""));
    }
    SECTION("an earlier copy, written over it") {
        std::filesystem::copy_file(path / "log", path / "copy");
        node.start(**directory);
        std::filesystem::copy_file(path / "copy", path / "log",
                                   std::filesystem::copy_options::overwrite_existing);
        CHECK_FALSE(node.start(**directory).problem.empty());
    }
    SECTION("something else in its place") {
        std::filesystem::remove(path / "log");
        std::filesystem::create_symlink("/dev/zero", path / "log");
        CHECK_FALSE(node.try_start(**directory));
    }
    SECTION("damaged") {
        std::ofstream(path / "log") << "damaged";
        CHECK(node.start(**directory).problem.find("damaged") != std::string::npos);
        CHECK((std::filesystem::status(path / "log").permissions() &
               std::filesystem::perms::others_all) == std::filesystem::perms::none);
    }
}
