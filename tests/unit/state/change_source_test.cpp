// SPDX-License-Identifier: Apache-2.0
// Finding out what a run has changed: by events, by stat data, by reading everything. All three
// must give the hash that a look from scratch gives, whatever a contract does to hide a change.
#include <array>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <rapidcheck.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state_support.hpp"

using namespace hp;
using namespace hp::state;
using namespace hp::state::test;

namespace {

constexpr std::array sources = {ChangeSource::events, ChangeSource::stat, ChangeSource::content};

// A store that finds out about changes in one way.
class Node {
public:
    explicit Node(ChangeSource source) : source_(source), root(temp_.path() / "contract_fs") {
        fs::create_directory(root);
        make_contract_fs(root);
        start(0);
    }
    Node(const Node&) = delete;

    fs::path live() const { return root / "seed" / "state"; }
    fs::path outside() const { return temp_.path(); }

    // The hash from scratch has to be the same.
    CaptureStats capture() {
        CaptureStats stats;
        const auto roots = store->capture(stats);
        INFO((roots ? std::string() : roots.err().context));
        REQUIRE(roots);
        REQUIRE(hash_tree(live())->hex() == roots->state.hex());
        std::uint64_t entries = 0;
        for (const auto& entry : fs::recursive_directory_iterator(live())) {
            static_cast<void>(entry);
            ++entries;
        }
        REQUIRE(stats.entries == entries);
        return stats;
    }
    CaptureStats commit() {
        const CaptureStats stats = capture();
        REQUIRE(store->commit(++seq, {}));
        REQUIRE(*store->apply_pending());
        return stats;
    }
    void restart() {
        store.reset();
        start(seq);
    }

private:
    void start(LedgerSeq last_decided) {
        auto opened = open_plain_store(root, Log(), StoreOptions{{}, {}, source_});
        REQUIRE(opened);
        store = std::move(*opened);
        REQUIRE(store->recover(last_decided));
    }

    TempDir temp_;
    ChangeSource source_;

public:
    fs::path root;
    std::unique_ptr<Store> store;
    LedgerSeq seq = 0;
};

void keep_times(const fs::path& file, const std::function<void()>& change) {
    struct stat st {};
    REQUIRE(stat(file.c_str(), &st) == 0);
    change();
    const std::array<struct timespec, 2> times = {st.st_atim, st.st_mtim};
    REQUIRE(utimensat(AT_FDCWD, file.c_str(), times.data(), 0) == 0);
}

void write_mapped(const fs::path& file, std::size_t at, char value) {
    const os::Fd fd(open(file.c_str(), O_RDWR | O_CLOEXEC));
    REQUIRE(fd);
    void* memory = mmap(nullptr, at + 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    REQUIRE(memory != MAP_FAILED);
    static_cast<char*>(memory)[at] = value;
    REQUIRE(munmap(memory, at + 1) == 0);
}

struct Trick {
    const char* name;
    std::function<void(const Node&)> play;
};

// With a file's content.
std::vector<Trick> file_tricks() {
    return {
        {"same size, same modification time",
         [](const Node& node) {
             const fs::path file = node.live() / "data" / "big";
             keep_times(file, [&] { put_at(file, 70'000, "!"); });
         }},
        {"a shared mapping, same size, same modification time",
         [](const Node& node) {
             const fs::path file = node.live() / "data" / "big";
             keep_times(file, [&] { write_mapped(file, 100'000, '!'); });
         }},
        {"by another name outside the state, which is gone again",
         [](const Node& node) {
             const fs::path file = node.live() / "data" / "big";
             keep_times(file, [&] {
                 fs::create_hard_link(file, node.outside() / "alias");
                 put_at(node.outside() / "alias", 5, "!");
                 fs::remove(node.outside() / "alias");
             });
         }},
        {"by another name that stays",
         [](const Node& node) {
             fs::create_hard_link(node.live() / "data" / "big", node.root / "seed" / "alias");
             put_at(node.root / "seed" / "alias", 5, "!");
         }},
        {"through the descriptor's own name",
         [](const Node& node) {
             const os::Fd fd(open((node.live() / "data" / "big").c_str(), O_RDONLY | O_CLOEXEC));
             put_at("/proc/self/fd/" + std::to_string(fd.get()), 9, "!");
         }},
        {"an older file put back, with its times",
         [](const Node& node) {
             const fs::path file = node.live() / "data" / "big";
             const fs::path copy = node.outside() / "copy";
             fs::copy_file(file, copy);
             keep_times(file, [&] {
                 put_at(copy, 10, "older");
                 fs::rename(copy, file);
             });
         }},
    };
}

// With names, modes and directories.
std::vector<Trick> name_tricks() {
    return {
        {"a directory moved out, changed and moved back",
         [](const Node& node) {
             fs::rename(node.live() / "data", node.root / "seed" / "aside");
             put_at(node.root / "seed" / "aside" / "deep" / "leaf", 0, "L");
             fs::rename(node.root / "seed" / "aside", node.live() / "data");
         }},
        {"two directories changing places",
         [](const Node& node) {
             fs::create_directories(node.live() / "other" / "deep");
             put_file(node.live() / "other" / "deep" / "leaf", "LEAF");
             fs::rename(node.live() / "data", node.live() / "third");
             fs::rename(node.live() / "other", node.live() / "data");
             fs::rename(node.live() / "third", node.live() / "other");
             put_at(node.live() / "other" / "deep" / "leaf", 1, "E");
         }},
        {"the state directory replaced by a copy of itself",
         [](const Node& node) {
             copy_tree(node.live(), node.root / "seed" / "copy");
             put_file(node.root / "seed" / "copy" / "empty", "no longer");
             fs::remove_all(node.live());
             fs::rename(node.root / "seed" / "copy", node.live());
         }},
        {"the state directory moved away and back",
         [](const Node& node) {
             fs::rename(node.live(), node.root / "seed" / "away");
             put_file(node.root / "seed" / "away" / "empty", "no longer");
             fs::rename(node.root / "seed" / "away", node.live());
         }},
        {"deleted and made again, the same size",
         [](const Node& node) {
             const fs::path file = node.live() / "data" / "big";
             keep_times(file, [&] {
                 fs::remove(file);
                 put_file(file, std::string(300'000, 'c'));
             });
         }},
        {"a mode only", [](const Node& node) { set_mode(node.live() / "contract", 0644); }},
        {"modes that are not kept",
         [](const Node& node) {
             set_mode(node.live() / "empty", 0400);
             set_mode(node.live() / "data" / "deep", 0700);
         }},
        {"a hole where data was",
         [](const Node& node) {
             const os::Fd fd(open((node.live() / "data" / "big").c_str(), O_RDWR | O_CLOEXEC));
             REQUIRE(fallocate(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 65'536,
                               65'536) == 0);
         }},
        {"a symlink with another target",
         [](const Node& node) {
             fs::remove(node.live() / "link");
             fs::create_symlink("data/deep/eaf!", node.live() / "link");
         }},
        {"a new directory with something in it",
         [](const Node& node) {
             fs::create_directories(node.live() / "new" / "newer");
             put_file(node.live() / "new" / "newer" / "file", "f");
         }},
    };
}

std::vector<Trick> tricks() {
    std::vector<Trick> all = file_tricks();
    for (Trick& trick : name_tricks()) {
        all.push_back(std::move(trick));
    }
    return all;
}

} // namespace

TEST_CASE("no way to change a file goes unnoticed, whichever way changes are found") {
    const Trick trick = tricks()[GENERATE(range<std::size_t>(0, 16))];
    REQUIRE(tricks().size() == 16);
    INFO(trick.name);
    std::vector<std::string> roots;
    for (const ChangeSource source : sources) {
        Node node(source);
        node.commit();
        usleep(50'000); // old enough that stat data count
        node.commit();
        const Roots before = node.store->roots();
        trick.play(node);
        const CaptureStats stats = node.commit();
        roots.push_back(node.store->roots().state.hex());
        if (std::string_view(trick.name) != "modes that are not kept") {
            CHECK_FALSE(node.store->roots() == before);
            CHECK(stats.changed_files + stats.changed_bytes + stats.entries > 0);
        }
        // What was missed would show when everything is read.
        put_at(node.live() / "data" / "deep" / "leaf", 1, "x");
        node.commit();
        node.restart();
        node.commit();
    }
    CHECK(roots[0] == roots[1]);
    CHECK(roots[0] == roots[2]);
}

TEST_CASE("events are really what changes are found by") {
    Node node(ChangeSource::events);
    CHECK_FALSE(node.commit().walked_all);
    put_file(node.live() / "new", "n");
    fs::remove(node.live() / "empty");
    CHECK_FALSE(node.commit().walked_all);
    put_at(node.live() / "new", 0, "N");
    CHECK_FALSE(node.commit().walked_all);
    fs::rename(node.live() / "new", node.live() / "data" / "moved");
    CHECK_FALSE(node.commit().walked_all);
    put_at(node.live() / "data" / "moved", 0, "M");
    const CaptureStats stats = node.commit();
    CHECK_FALSE(stats.walked_all);
    CHECK(stats.changed_files == 1);
    node.restart();
    CHECK_FALSE(node.commit().walked_all);
    // After putting a run back, and after the state directory was replaced, once.
    put_file(node.live() / "data" / "moved", "never");
    REQUIRE(node.store->discard());
    CHECK(node.commit().walked_all);
    put_at(node.live() / "data" / "moved", 0, "A");
    CHECK_FALSE(node.commit().walked_all);
    tricks()[8].play(node);
    CHECK(node.commit().walked_all);
    put_at(node.live() / "data" / "moved", 0, "B");
    CHECK_FALSE(node.commit().walked_all);
    CHECK(node.store->roots().state.hex() == hash_tree(node.live())->hex());
}

TEST_CASE("when the kernel loses events everything is looked at") {
    Node node(ChangeSource::events);
    node.commit();
    std::size_t queue = std::stoul(get_file("/proc/sys/fs/inotify/max_queued_events"));
    if (queue > 200'000) {
        WARN("this machine queues too many events for this test");
        return;
    }
    for (std::size_t i = 0; i < queue; ++i) { // two files in turn, or events would be merged
        const os::Fd one(open((node.live() / "contract").c_str(), O_RDONLY | O_CLOEXEC));
        const os::Fd other(open((node.live() / "empty").c_str(), O_RDONLY | O_CLOEXEC));
    }
    put_at(node.live() / "data" / "big", 3, "after the queue was full");
    fs::create_directory(node.live() / "fresh");
    put_file(node.live() / "fresh" / "file", "1");
    fs::rename(node.live() / "data" / "deep", node.live() / "deeper");
    const CaptureStats stats = node.commit();
    CHECK(stats.walked_all);
    CHECK(stats.changed_files == 3);
    put_at(node.live() / "fresh" / "file", 0, "2");
    put_at(node.live() / "deeper" / "leaf", 0, "2");
    const CaptureStats next = node.commit();
    CHECK_FALSE(next.walked_all);
    CHECK(next.changed_files == 2);
}

TEST_CASE("a limit counts what is there, not what was touched") {
    for (const ChangeSource source : sources) {
        Node node(source);
        put_file(node.live() / "half", std::string(400'000, 'h'));
        node.commit();
        fs::resize_file(node.live() / "data" / "big", 0); // later by name than what grows
        put_file(node.live() / "a", std::string(290'000, 'a'));
        CaptureStats stats;
        REQUIRE(node.store->capture(stats, 700'100));
        CHECK(stats.bytes < 700'100);
        REQUIRE(node.store->commit(++node.seq, {}));
        put_at(node.live() / "a", 290'000, std::string(100, 'a'));
        const auto over = node.store->capture(stats, 690'050);
        REQUIRE_FALSE(over);
        CHECK(over.err().code == Errc::too_large);
        REQUIRE(node.store->discard());
        REQUIRE(node.store->capture(stats, 700'100));
        CHECK(hash_tree(node.live())->hex() == node.store->roots().state.hex());
    }
}

TEST_CASE("equal changes give equal hashes, whichever way they are found") {
    const auto seed = GENERATE(range(50U, 58U));
    INFO("seed " << seed);
    std::vector<std::unique_ptr<Node>> nodes;
    std::vector<RandomChanges> changes;
    for (const ChangeSource source : sources) {
        nodes.push_back(std::make_unique<Node>(source));
        changes.emplace_back(nodes.back()->live(), seed);
    }
    for (int i = 0; i < 15; ++i) {
        std::vector<std::string> hashes;
        for (std::size_t n = 0; n < nodes.size(); ++n) {
            changes[n].change(6);
            nodes[n]->commit();
            hashes.push_back(nodes[n]->store->roots().state.hex());
        }
        REQUIRE(hashes[0] == hashes[1]);
        REQUIRE(hashes[0] == hashes[2]);
    }
}

// --- generated operations, made smaller when they fail ---------------------------------------

namespace {

struct Operation {
    int kind = 0;
    int from = 0;
    int to = 0;
    int value = 0;
};

std::ostream& operator<<(std::ostream& out, const Operation& op) {
    return out << '{' << op.kind << ',' << op.from << ',' << op.to << ',' << op.value << '}';
}

// Few names, so that operations meet each other.
fs::path place(const Node& node, int number) {
    static constexpr std::array names = {"a",   "b",     "c",   "d",   "d/a",    "d/b",
                                         "d/e", "d/e/a", "e/a", "f/a", "../out", "data/big"};
    return node.live() / names.at(static_cast<std::size_t>(number) % names.size());
}

void carry_out(const Node& node, const Operation& op) {
    const fs::path from = place(node, op.from);
    const fs::path to = place(node, op.to);
    std::error_code error;
    switch (op.kind) {
    case 0: {
        const os::Fd fd(open(from.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));
        if (fd) {
            const auto value = static_cast<char>(op.value);
            REQUIRE(pwrite(fd.get(), &value, 1, op.value * 1000L) == 1);
        }
        break;
    }
    case 1:
        fs::create_directory(from, error);
        break;
    case 2:
        fs::rename(from, to, error);
        break;
    case 3:
        fs::remove_all(from, error);
        break;
    case 4:
        fs::create_hard_link(from, to, error);
        break;
    case 5:
        fs::create_symlink("a", from, error);
        break;
    case 6:
        fs::permissions(from, op.value % 2 == 0 ? fs::perms(0755) : fs::perms(0600),
                        fs::perm_options::replace | fs::perm_options::nofollow, error);
        break;
    case 7:
        fs::resize_file(from, static_cast<std::uintmax_t>(op.value) * 700, error);
        break;
    default:
        if (fs::is_regular_file(fs::symlink_status(from, error)) && fs::file_size(from) > 0) {
            write_mapped(from, fs::file_size(from) - 1, static_cast<char>(op.value));
        }
        break;
    }
}

} // namespace

TEST_CASE("generated runs: the incremental hash is the one from scratch") {
    const bool held = rc::check("incremental equals from scratch", [] {
        using rc::gen::inRange;
        const auto operation = rc::gen::construct<Operation>(inRange(0, 9), inRange(0, 12),
                                                             inRange(0, 12), inRange(0, 256));
        const auto runs = *rc::gen::container<std::vector<std::vector<Operation>>>(
            rc::gen::container<std::vector<Operation>>(operation));
        Node node(ChangeSource::events);
        for (const std::vector<Operation>& run : runs) {
            for (const Operation& op : run) {
                carry_out(node, op);
            }
            CaptureStats stats;
            const auto roots = node.store->capture(stats);
            RC_ASSERT(roots.has_value());
            RC_ASSERT(roots->state == *hash_tree(node.live()));
            RC_ASSERT(node.store->commit(++node.seq, {}).has_value());
            RC_ASSERT(*node.store->apply_pending());
            RC_ASSERT(*hash_tree(node.root / "base" / "state") == roots->state);
        }
    });
    CHECK(held);
}

TEST_CASE("a large file is read once after a change, not again in the next run", "[state]") {
    constexpr std::uint64_t large_bytes = std::uint64_t{300} << 20; // all of it a hole
    for (const ChangeSource source : {ChangeSource::events, ChangeSource::stat}) {
        Node node(source);
        const fs::path file = node.live() / "large";
        put_file(file, "");
        const os::Fd fd(open(file.c_str(), O_RDWR | O_CLOEXEC));
        if (hides_mapped_writes(fd.get())) {
            WARN("skipped: stat data prove nothing where the temporary files are");
            return;
        }
        REQUIRE(ftruncate(fd.get(), static_cast<off_t>(large_bytes)) == 0);
        CHECK(node.commit().read_bytes >= large_bytes);
        CHECK(node.commit().read_bytes < large_bytes);
        REQUIRE(pwrite(fd.get(), "x", 1, 12345) == 1);
        CHECK(node.commit().read_bytes >= large_bytes);
        CHECK(node.commit().read_bytes < large_bytes);
    }
}
