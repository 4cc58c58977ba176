// SPDX-License-Identifier: Apache-2.0
// Runs with a view that records written blocks: the hash is the one from scratch whatever a run
// does, and only what was written is read again.
#include <array>
#include <cerrno>
#include <csignal>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <rapidcheck.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "view_run.hpp"

using namespace hp;
using namespace hp::state;
using namespace hp::state::test;

namespace {

constexpr std::size_t chunk = 64 * 1024;
constexpr std::size_t chunks = 40;

// With a file of 40 different chunks.
struct TrackedStore : ReadyStore {
    TrackedStore() {
        std::string content;
        for (std::size_t i = 0; i < chunks; ++i) {
            content += std::string(chunk, static_cast<char>('a' + i));
        }
        put_file(live() / "large", content);
        commit();
    }
    fs::path seed() const { return root / "seed"; }
    fs::path large() const { return live() / "large"; }

    CaptureStats run(const std::function<void()>& job, const ViewOptions& options = {}) {
        const ViewRun done = run_in_view(seed(), job, options);
        REQUIRE(done.failure == 0);
        const CaptureStats stats = capture_run(*store, done);
        REQUIRE(store->commit(++seq, {}));
        REQUIRE(*store->apply_pending());
        REQUIRE(difference(snapshot(live()), snapshot(base())).empty());
        return stats;
    }
};

void write_mapped_byte(const fs::path& file, std::size_t at, char value) {
    const os::Fd fd(open(file.c_str(), O_RDWR | O_CLOEXEC));
    REQUIRE(fd);
    void* memory = mmap(nullptr, at + 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    REQUIRE(memory != MAP_FAILED);
    static_cast<char*>(memory)[at] = value; // and the process ends with it
}

// What a run does to a large file, and how many bytes are read for it.
struct Way {
    const char* name;
    std::function<void(const fs::path&)> change;
    std::size_t bytes_read;
};

std::vector<Way> ways() {
    return {
        {"nothing", [](const fs::path& file) { get_file(file); }, 0},
        {"opened for writing", [](const fs::path& file) { put_at(file, 0, ""); }, 0},
        {"one byte", [](const fs::path& file) { put_at(file, 5 * chunk + 7, "!"); }, chunk},
        {"over a border", [](const fs::path& file) { put_at(file, 6 * chunk - 1, "!!"); },
         2 * chunk},
        {"mapped", [](const fs::path& file) { write_mapped_byte(file, 9 * chunk + 1, '!'); },
         chunk},
        {"appended",
         [](const fs::path& file) { put_at(file, chunks * chunk, std::string(chunk + 1, '+')); },
         chunk + 1},
        {"cut", [](const fs::path& file) { fs::resize_file(file, 3 * chunk + 5); }, 5},
        {"cut and grown again",
         [](const fs::path& file) {
             fs::resize_file(file, 38 * chunk);
             fs::resize_file(file, chunks * chunk);
         },
         2 * chunk},
        {"a hole",
         [](const fs::path& file) {
             const os::Fd fd(open(file.c_str(), O_WRONLY | O_CLOEXEC));
             REQUIRE(fallocate(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2 * chunk,
                               2 * chunk) == 0);
         },
         2 * chunk},
        {"in two opens",
         [](const fs::path& file) {
             put_at(file, chunk, "!");
             put_at(file, 3 * chunk, "!");
         },
         2 * chunk},
        {"emptied and written", [](const fs::path& file) { put_file(file, "small now"); }, 9},
        {"renamed within",
         [](const fs::path& file) {
             put_at(file, chunk, "!");
             fs::rename(file, file.parent_path() / "other");
             fs::rename(file.parent_path() / "other", file);
         },
         chunk},
    };
}

bool skips() {
    return !has_views();
}

} // namespace

TEST_CASE("only what a run has written of a large file is read", "[tracked]") {
    if (skips()) {
        return;
    }
    for (const Way& way : ways()) {
        INFO(way.name);
        TrackedStore s;
        const CaptureStats stats = s.run([&] { way.change(s.large()); });
        CHECK(stats.read_bytes == way.bytes_read);
        // And again, now that everything is known from a record.
        CHECK(s.run([&] { put_at(s.large(), 1, "again"); }).read_bytes <= chunk);
        s.restart();
    }
}

TEST_CASE("a view keeps to the record when files change their places", "[tracked]") {
    if (skips()) {
        return;
    }
    TrackedStore s;
    const fs::path other = s.live() / "other";
    s.run([&] { put_file(other, std::string(20 * chunk, 'o')); });
    // Each by itself, the record being of the inode and the old hash of the name.
    s.run([&] {
        put_at(s.large(), 3 * chunk, "1");
        fs::rename(s.large(), s.live() / "aside");
        put_at(other, 4 * chunk, "2");
        fs::rename(other, s.large());
        fs::rename(s.live() / "aside", other);
    });
    s.run([&] { // the same inode by another name, and a new file by the old one
        fs::create_hard_link(other, s.seed() / "kept");
        fs::remove(other);
        put_file(other, std::string(40 * chunk, 'n'));
        put_at(s.seed() / "kept", 0, "x");
    });
    s.run([&] { // written to after it has lost its name
        const os::Fd fd(open(s.large().c_str(), O_RDWR | O_CLOEXEC));
        fs::remove(s.large());
        REQUIRE(pwrite(fd.get(), "gone", 4, 0) == 4);
        put_file(s.large(), std::string(2 * chunk, 'z'));
    });
    s.run([&] { // exchanged
        REQUIRE(renameat2(AT_FDCWD, s.large().c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) ==
                0);
    });
}

TEST_CASE("whoever else writes to a recorded file is noticed", "[tracked]") {
    if (skips()) {
        return;
    }
    TrackedStore s;
    const fs::path open_now = s.outside() / "open";
    const fs::path done = s.outside() / "done";
    const auto wait_for = [](const fs::path& file) {
        for (int i = 0; i < 2000 && !fs::exists(file); ++i) {
            usleep(5000);
        }
        REQUIRE(fs::exists(file));
    };
    ViewOptions options;
    options.meanwhile = [&] {
        wait_for(open_now);
        put_at(s.large(), 30 * chunk, "by somebody outside");
        put_file(done, "");
    };
    const CaptureStats stats = s.run(
        [&] {
            const os::Fd fd(open(s.large().c_str(), O_RDWR | O_CLOEXEC));
            REQUIRE(pwrite(fd.get(), "mine", 4, chunk) == 4);
            put_file(open_now, "");
            wait_for(done);
            REQUIRE(pwrite(fd.get(), "mine", 4, 2 * chunk) == 4);
        },
        options);
    CHECK(stats.read_bytes == chunks * chunk);
}

TEST_CASE("somebody who reads a file from outside only costs time", "[tracked]") {
    if (skips()) {
        return;
    }
    TrackedStore s;
    const os::Fd reader(open(s.large().c_str(), O_RDONLY | O_CLOEXEC));
    CHECK(s.run([&] { put_at(s.large(), 0, "!"); }).read_bytes == chunks * chunk);
}

TEST_CASE("a run whose view breaks down does not count", "[tracked]") {
    if (skips()) {
        return;
    }
    TrackedStore s;
    ViewOptions options;
    options.kill_server = true;
    const ViewRun run = run_in_view(
        s.seed(), [&] { usleep(200'000); }, options);
    CHECK(run.failure == EPIPE);
    CHECK_FALSE(run.written);
    capture_run(*s.store, run);
}

TEST_CASE("a run through a view sees what it would see without", "[tracked]") {
    if (skips()) {
        return;
    }
    TrackedStore s;
    s.run([&] {
        struct stat st {};
        REQUIRE(stat(s.large().c_str(), &st) == 0);
        CHECK(st.st_size == chunks * chunk);
        const ino_t inode = st.st_ino;
        fs::create_hard_link(s.large(), s.live() / "linked");
        REQUIRE(stat((s.live() / "linked").c_str(), &st) == 0);
        REQUIRE((st.st_ino == inode && st.st_nlink == 2));
        const os::Fd fd(open(s.large().c_str(), O_RDWR | O_APPEND | O_CLOEXEC));
        REQUIRE(write(fd.get(), "end", 3) == 3);
        REQUIRE(get_file(s.live() / "linked").substr(chunks * chunk) == "end");
        REQUIRE((flock(fd.get(), LOCK_EX) == 0 && fsync(fd.get()) == 0));
        fs::rename(s.large(), s.seed() / "private"); // the same file system as outside the state
        fs::rename(s.seed() / "private", s.large());
        REQUIRE(mkfifo((s.live() / "fifo").c_str(), 0600) == 0);
        fs::create_symlink("large", s.live() / "to_large");
        REQUIRE(fs::file_size(s.live() / "to_large") == chunks * chunk + 3);
        REQUIRE(chmod(s.large().c_str(), 0700) == 0);
        REQUIRE(open((s.live() / "large" / "below").c_str(), O_RDONLY | O_CLOEXEC) < 0);
        REQUIRE(errno == ENOTDIR);
        REQUIRE(rmdir((s.live() / "data").c_str()) < 0);
        REQUIRE(errno == ENOTEMPTY);
        const os::Fd nameless(open(s.live().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0644));
        REQUIRE(write(nameless.get(), "named now", 9) == 9);
        REQUIRE(linkat(AT_FDCWD, ("/proc/self/fd/" + std::to_string(nameless.get())).c_str(),
                       AT_FDCWD, (s.live() / "named").c_str(), AT_SYMLINK_FOLLOW) == 0);
        for (int i = 0; i < 3000; ++i) {
            put_file(s.live() / "data" / ("n" + std::to_string(i)), "x");
        }
        std::size_t count = 0;
        for (const auto& entry : fs::directory_iterator(s.live() / "data")) {
            count += entry.path().filename().string().starts_with("n") ? 1 : 0;
        }
        REQUIRE(count == 3000);
    });
    CHECK(mode_of(s.large()) == 0755);
    CHECK(get_file(s.live() / "data" / "n2999") == "x");
    CHECK(get_file(s.live() / "named") == "named now");
}

namespace {

struct ViewOperation {
    int kind = 0;
    int file = 0;
    int to = 0;
    int at = 0;
};

std::ostream& operator<<(std::ostream& out, const ViewOperation& op) {
    return out << '{' << op.kind << ',' << op.file << ',' << op.to << ',' << op.at << '}';
}

// Every way to change the content of a few files, some larger than the least that is recorded.
void carry_out_below(const fs::path& live, const ViewOperation& op) {
    static constexpr std::array names = {"a", "b", "data/big", "../out", "large"};
    const auto place = [&live](int number) {
        return live / names.at(static_cast<std::size_t>(number) % names.size());
    };
    const fs::path file = place(op.file);
    const auto at = static_cast<std::uint64_t>(op.at) * 9'000;
    std::error_code error;
    switch (op.kind) {
    case 0: {
        const os::Fd fd(open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
        REQUIRE(pwrite(fd.get(), "!", 1, static_cast<off_t>(at)) == 1);
        break;
    }
    case 1:
        fs::rename(file, place(op.to), error);
        break;
    case 2:
        fs::remove(file, error);
        break;
    case 3:
        fs::create_hard_link(file, place(op.to), error);
        break;
    case 4:
        fs::resize_file(file, at, error);
        break;
    case 5:
        put_file(file, std::string(at, static_cast<char>('a' + op.to)));
        break;
    case 6: {
        const os::Fd fd(open(file.c_str(), O_WRONLY | O_CLOEXEC));
        fallocate(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(at),
                  70'000);
        break;
    }
    default:
        if (fs::is_regular_file(file) && fs::file_size(file) > 0) {
            write_mapped_byte(file, at % fs::file_size(file), '#');
        }
        break;
    }
}

} // namespace

TEST_CASE("generated runs through a view: the incremental hash is the one from scratch",
          "[tracked]") {
    if (skips()) {
        return;
    }
    const bool held = rc::check("incremental equals from scratch", [] {
        using rc::gen::inRange;
        const auto operation = rc::gen::construct<ViewOperation>(inRange(0, 8), inRange(0, 5),
                                                                 inRange(0, 5), inRange(0, 64));
        const auto runs = *rc::gen::resize(
            8, rc::gen::container<std::vector<std::vector<ViewOperation>>>(
                   rc::gen::resize(20, rc::gen::container<std::vector<ViewOperation>>(operation))));
        const auto file_bytes_min = *rc::gen::element<std::uint64_t>(1, 100'000);
        ReadyStore s;
        for (const std::vector<ViewOperation>& run : runs) {
            ViewOptions options;
            options.file_bytes_min = file_bytes_min;
            const ViewRun done = run_in_view(
                s.root / "seed",
                [&] {
                    for (const ViewOperation& op : run) {
                        carry_out_below(s.live(), op);
                    }
                },
                options);
            CaptureStats stats;
            const auto roots = s.store->capture(stats, 0, done.written ? &*done.written : nullptr);
            RC_ASSERT(roots.has_value());
            RC_ASSERT(roots->state == *hash_tree(s.live()));
            RC_ASSERT(s.store->commit(++s.seq, {}).has_value());
            RC_ASSERT(*s.store->apply_pending());
            RC_ASSERT(*hash_tree(s.base()) == roots->state);
        }
    });
    CHECK(held);
}

// --- records ---------------------------------------------------------------------------------

namespace {

tracked::WrittenFile some_file(std::uint64_t inode, std::uint64_t size) {
    return tracked::WrittenFile::start({1, inode, size, 2, 3});
}

} // namespace

TEST_CASE("records of written blocks survive encoding, and nothing malformed is believed",
          "[tracked]") {
    tracked::Written written;
    written.files = {some_file(5, 10 * chunk + 1), some_file(6, 0), some_file(9, 3)};
    written.files[0].add(0, 1);
    written.files[0].add(2 * chunk - 1, 2);
    written.files[0].add_from(10 * chunk);
    written.files[2].everything = true;
    CHECK(written.files[0].blocks == std::vector<bool>{true, true, true, false, false, false, false,
                                                       false, false, false, true});
    CHECK(written.files[0].has(11)); // there was none
    const Bytes bytes = encode_written(written);
    const auto read = tracked::decode_written(bytes);
    REQUIRE(read);
    CHECK(*read == written);
    CHECK(written.find(1, 6) == &written.files[1]);
    CHECK(written.find(2, 6) == nullptr);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        CHECK_FALSE(tracked::decode_written(ByteView(bytes).first(length)));
    }
    Bytes longer = bytes;
    longer.push_back(0);
    CHECK_FALSE(tracked::decode_written(longer));
    std::swap(written.files[0], written.files[1]);
    CHECK_FALSE(tracked::decode_written(tracked::encode_written(written)));
    Bytes beyond = tracked::encode_written({{some_file(5, 1)}});
    beyond.back() = 1; // one length: a block that it does not have
    append(beyond, Bytes{0, 0, 0, 2});
    CHECK_FALSE(tracked::decode_written(beyond));
}

TEST_CASE("a file written to in two runs in a row is read as a whole", "[tracked]") {
    tracked::Written first{{some_file(1, chunk), some_file(3, chunk)}};
    const tracked::Written second{{some_file(2, chunk), some_file(3, chunk)}};
    const tracked::Written both = merge(first, second);
    REQUIRE(both.files.size() == 3);
    CHECK_FALSE(both.find(1, 1)->everything);
    CHECK_FALSE(both.find(1, 2)->everything);
    CHECK(both.find(1, 3)->everything);
}
