// SPDX-License-Identifier: Apache-2.0
// What contracts can do to their directories, and what the store makes of it.
#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hp/base/limits.hpp"
#include "state_support.hpp"

using namespace hp;
using namespace hp::state;
using namespace hp::state::test;

namespace {

std::uint64_t links_of(const fs::path& path) {
    struct stat st {};
    REQUIRE(lstat(path.c_str(), &st) == 0);
    return st.st_nlink;
}

void make_nested(const fs::path& top, int depth) {
    os::Fd dir(open(top.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (int i = 0; i < depth; ++i) {
        REQUIRE(mkdirat(dir.get(), "d", 0755) == 0);
        dir = os::Fd(openat(dir.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        REQUIRE(dir);
        if (i % 7 == 0) {
            REQUIRE(mkdirat(dir.get(), ".removed-1", 0755) == 0); // in the way of the clean-up
            REQUIRE(symlinkat("/", dir.get(), "link") == 0);
        }
    }
}

} // namespace

// --- runs ------------------------------------------------------------------------------------

TEST_CASE("a run that changes nothing writes nothing") {
    ReadyStore s;
    const Roots before = s.store->roots();
    put_file(s.live() / "empty", ""); // touched, same content
    fs::last_write_time(s.live() / "data" / "big", fs::file_time_type{});
    const CaptureStats stats = s.commit();
    CHECK(stats.changed_files == 0);
    CHECK(stats.changed_bytes == 0);
    CHECK(stats.entries == 7);
    CHECK(s.store->roots() == before);
    CHECK(fs::is_empty(s.root / "deltas"));
}

TEST_CASE("capturing twice counts everything since the last commit") {
    ReadyStore s;
    put_file(s.live() / "one", "1");
    CaptureStats stats;
    REQUIRE(s.store->capture(stats));
    put_file(s.live() / "two", "2");
    CHECK(s.commit().changed_files == 2);
    s.restart();
    CHECK(get_file(s.live() / "one") == "1");
    CHECK(get_file(s.live() / "two") == "2");
}

TEST_CASE("rewriting a file at once with the same size is noticed") {
    ReadyStore s;
    std::string last = s.store->roots().state.hex();
    for (int i = 0; i < 300; ++i) {
        // Same length, same mtime, right after the capture before.
        put_file(s.live() / "data" / "deep" / "leaf", std::to_string(1000 + i));
        fs::last_write_time(s.live() / "data" / "deep" / "leaf", fs::file_time_type{});
        const Roots roots = capture_now(*s.store);
        REQUIRE(roots.state.hex() != last);
        last = roots.state.hex();
    }
    CHECK(last == hash_tree(s.live())->hex());
}

TEST_CASE("a discarded run leaves no trace, captured or not") {
    const bool captured = GENERATE(true, false);
    ReadyStore s;
    const Snapshot before = snapshot(s.root / "seed");
    put_at(s.live() / "data" / "big", 100'000, "X");
    fs::resize_file(s.live() / "contract", 0);
    fs::remove(s.live() / "link");
    fs::create_directory(s.live() / "link");
    fs::rename(s.live() / "data" / "deep", s.live() / "deep");
    set_mode(s.live() / "empty", 0755);
    put_file(s.patch(), "other");
    if (captured) {
        capture_now(*s.store);
    }
    REQUIRE(s.store->discard());
    CHECK(difference(snapshot(s.root / "seed"), before).empty());
    CHECK(hash_tree(s.live())->hex() == s.store->roots().state.hex());
    CHECK(s.commit().changed_files == 0);
}

TEST_CASE("only changed entries are read again") {
    ReadyStore s;
    const FileOps ops;
    const os::Fd fd(open(s.live().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    Walker first(ops, WalkRules{});
    const auto tree = first.tree(fd.get(), nullptr);
    REQUIRE(tree);
    // An index that is wrong about a file shows whether the file was looked into.
    const auto with_lie = [&tree](bool racy) {
        Entry root = **tree;
        root.racy = false;
        for (Child& child : root.children) {
            Entry entry = *child.entry;
            entry.racy = racy;
            entry.hash = child.name == "empty" ? Hash32{} : entry.hash;
            child.entry = std::make_shared<const Entry>(std::move(entry));
        }
        return std::make_shared<const Entry>(std::move(root));
    };
    Walker trusting(ops, WalkRules{});
    const auto trusted = trusting.tree(fd.get(), with_lie(false));
    REQUIRE(trusted);
    CHECK(find_child(**trusted, "empty")->entry->hash.is_zero());
    Walker doubting(ops, WalkRules{});
    const auto checked = doubting.tree(fd.get(), with_lie(true));
    REQUIRE(checked);
    CHECK_FALSE(find_child(**checked, "empty")->entry->hash.is_zero());
    CHECK((*checked)->hash == (*tree)->hash);
}

TEST_CASE("timestamps near the moment of hashing prove nothing") {
    constexpr std::int64_t ms = 1'000'000;
    constexpr std::int64_t now = 1'700'000'000'123 * ms + 5;
    Fingerprint seen;
    seen.ctime_ns = now - 100 * ms;
    CHECK_FALSE(is_racy(seen, now));
    seen.ctime_ns = now - 15 * ms;
    CHECK(is_racy(seen, now));
    seen.ctime_ns = now + 100 * ms; // the clock was set back
    CHECK(is_racy(seen, now));
    seen.ctime_ns = 1'699'999'999'000 * ms; // a filesystem that keeps whole seconds
    CHECK(is_racy(seen, now));
}

// --- what contracts leave behind -------------------------------------------------------------

TEST_CASE("special files are removed and counted") {
    ReadyStore s;
    REQUIRE(mkfifo((s.live() / "fifo").c_str(), 0644) == 0);
    make_socket(s.live() / "data" / "s");
    put_file(s.live() / "kept", "x");
    const CaptureStats stats = s.commit();
    CHECK(stats.removed_special == 2);
    CHECK(stats.changed_files == 1);
    CHECK_FALSE(fs::exists(s.live() / "fifo"));
    CHECK_FALSE(fs::exists(s.live() / "data" / "s"));
}

TEST_CASE("hard links become separate files in both views") {
    ReadyStore s;
    put_file(s.root / "seed" / "outside", "shared");
    fs::create_hard_link(s.root / "seed" / "outside", s.live() / "alias");
    fs::create_hard_link(s.live() / "contract", s.live() / "contract2");
    s.commit();
    CHECK(links_of(s.live() / "alias") == 1);
    CHECK(links_of(s.live() / "contract") == 1);
    CHECK(links_of(s.live() / "contract2") == 1);
    CHECK(mode_of(s.live() / "contract2") == 0755);
    put_file(s.live() / "alias", "own");
    CHECK(get_file(s.root / "seed" / "outside") == "shared");
    CHECK(s.commit().changed_files == 1);
    CHECK(get_file(s.base() / "contract") == get_file(s.base() / "contract2"));
}

TEST_CASE("modes become canonical") {
    ReadyStore s;
    set_mode(s.live() / "contract", 04711);
    set_mode(s.live() / "empty", 0600);
    set_mode(s.live() / "data", 0700);
    set_mode(s.live(), 0500);
    const Roots before = s.store->roots();
    s.commit();
    CHECK(s.store->roots() == before);
    CHECK(mode_of(s.live() / "contract") == 0755);
    CHECK(mode_of(s.live() / "empty") == 0644);
    CHECK(mode_of(s.live() / "data") == 0755);
    CHECK(mode_of(s.live()) == 0755);
}

TEST_CASE("files that nobody may read are read, and changed files nobody may write restored") {
    ReadyStore s;
    put_file(s.live() / "secret", "s");
    set_mode(s.live() / "secret", 0);
    set_mode(s.live() / "data", 0);
    s.commit();
    CHECK(mode_of(s.live() / "secret") == 0644);
    put_file(s.live() / "secret", "changed");
    set_mode(s.live() / "secret", 0400);
    put_file(s.live() / "data" / "deep" / "more", "x");
    set_mode(s.live() / "data" / "deep", 0);
    REQUIRE(s.store->discard());
    CHECK(get_file(s.live() / "secret") == "s");
    CHECK_FALSE(fs::exists(s.live() / "data" / "deep" / "more"));
}

TEST_CASE("symlinks are never followed") {
    ReadyStore s;
    const fs::path outside = s.root / "seed" / "outside";
    fs::create_directories(outside / "deep");
    put_file(outside / "big", "outside");
    put_file(outside / "deep" / "leaf", "outside");
    const Snapshot before = snapshot(outside);
    const auto redirect = [&s, &outside] {
        fs::remove_all(s.live() / "data");
        fs::create_symlink(outside, s.live() / "data");
        fs::remove(s.live() / "empty");
        fs::create_symlink(outside / "big", s.live() / "empty");
    };
    redirect();
    REQUIRE(s.store->discard());
    CHECK(difference(snapshot(outside), before).empty());
    CHECK(fs::is_directory(fs::symlink_status(s.live() / "data")));
    redirect();
    s.commit();
    fs::remove(s.live() / "data");
    fs::create_directory(s.live() / "data");
    put_file(s.live() / "data" / "big", "inside");
    s.commit();
    redirect();
    s.restart();
    CHECK(get_file(s.live() / "data" / "big") == "inside");
    CHECK(difference(snapshot(outside), before).empty());
}

TEST_CASE("a state directory that is gone or replaced counts as empty") {
    const int how = GENERATE(0, 1, 2, 3);
    ReadyStore s;
    const fs::path outside = s.root / "seed" / "elsewhere";
    if (how == 3) { // and a new one in its place is simply the state
        fs::rename(s.live(), outside);
        fs::create_directory(s.live());
    } else if (how == 2) {
        fs::rename(s.live(), outside);
        fs::create_symlink(outside, s.live());
    } else {
        fs::remove_all(s.live());
        if (how == 1) {
            put_file(s.live(), "a file");
        }
    }
    s.commit();
    CHECK(fs::is_directory(fs::symlink_status(s.live())));
    CHECK(fs::is_empty(s.live()));
    CHECK(s.store->roots().state == make_empty_directory()->hash);
    s.restart();
    CHECK(fs::is_empty(s.live()));
}

TEST_CASE("directories nested too deep void the run and can be discarded") {
    const int depth = GENERATE(130, 2000);
    ReadyStore s;
    const Snapshot before = snapshot(s.live());
    make_nested(s.live() / "data", depth);
    CaptureStats stats;
    const auto roots = s.store->capture(stats);
    REQUIRE_FALSE(roots);
    CHECK(roots.err().code == Errc::too_large);
    REQUIRE(s.store->discard());
    CHECK(difference(snapshot(s.live()), before).empty());
    CHECK(s.commit().changed_files == 0);
}

TEST_CASE("the deepest allowed directory works") {
    ReadyStore s;
    const os::Fd dir(open(s.live().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    fs::path path = s.live();
    for (std::size_t i = 1; i < limits::state_depth_max; ++i) {
        path /= "d";
        fs::create_directory(path);
    }
    put_file(path / "leaf", "deep");
    s.commit();
    s.restart();
    CHECK(get_file(path / "leaf") == "deep");
}

TEST_CASE("more bytes than allowed void the run") {
    ReadyStore s;
    put_file(s.live() / "huge", "");
    fs::resize_file(s.live() / "huge", limits::state_bytes_max + 1);
    CaptureStats stats;
    const auto roots = s.store->capture(stats);
    REQUIRE_FALSE(roots);
    CHECK(roots.err().code == Errc::too_large);
    REQUIRE(s.store->discard());
    CHECK_FALSE(fs::exists(s.live() / "huge"));
}

TEST_CASE("sparse files stay sparse and cost what they hold") {
    ReadyStore s;
    put_at(s.live() / "sparse", 5'000'000, "island");
    fs::resize_file(s.live() / "sparse", std::uintmax_t{1} << 26U);
    s.commit();
    CHECK(fs::file_size(s.root / "deltas" / delta_name(1)) < 1'000'000);
    struct stat st {};
    REQUIRE(stat((s.base() / "sparse").c_str(), &st) == 0);
    CHECK(st.st_size == off_t{1} << 26U);
    CHECK(st.st_blocks < 1000);
    put_at(s.live() / "sparse", 5'000'000, std::string(6, '\0')); // zeros again, not a hole
    s.commit();
    s.restart();
    CHECK(fs::file_size(s.live() / "sparse") == std::uintmax_t{1} << 26U);
}

// --- patch.cfg -------------------------------------------------------------------------------

TEST_CASE("a changed patch.cfg is part of the commit") {
    ReadyStore s;
    const Roots before = s.store->roots();
    put_file(s.root / "seed" / "tmp.cfg", "{\"x\":1}");
    set_mode(s.root / "seed" / "tmp.cfg", 0711);
    fs::rename(s.root / "seed" / "tmp.cfg", s.patch());
    const CaptureStats stats = s.commit();
    CHECK(stats.changed_files == 1);
    CHECK(s.store->roots().state == before.state);
    CHECK(s.store->roots().config == hash_file_content(false, as_bytes("{\"x\":1}")));
    CHECK(to_text(*s.store->patch_content()) == "{\"x\":1}");
    CHECK(get_file(s.root / "base" / "patch.cfg") == "{\"x\":1}");
    CHECK(mode_of(s.patch()) == 0644);
    put_file(s.patch(), "garbage");
    s.restart();
    CHECK(get_file(s.patch()) == "{\"x\":1}");
}

TEST_CASE("a patch.cfg that is no such file is put back") {
    const int how = GENERATE(0, 1, 2, 3, 4);
    ReadyStore s;
    put_file(s.patch(), "{\"last\":1}");
    capture_now(*s.store);
    REQUIRE(s.store->commit(++s.seq, {})); // not applied: its content is in the delta only
    const Roots before = s.store->roots();
    fs::remove(s.patch());
    if (how == 1) {
        put_file(s.patch(), "x");
        fs::resize_file(s.patch(), limits::patch_bytes_max + 1);
    } else if (how == 2) {
        fs::create_directories(s.patch() / "inner");
    } else if (how == 3) {
        fs::create_symlink("private.txt", s.patch());
    } else if (how == 4) {
        REQUIRE(mkfifo(s.patch().c_str(), 0644) == 0);
    }
    CHECK(capture_now(*s.store) == before);
    CHECK(get_file(s.patch()) == "{\"last\":1}");
    CHECK(to_text(*s.store->patch_content()) == "{\"last\":1}");
    CHECK(get_file(s.root / "seed" / "private.txt") == "mine");
}

TEST_CASE("set_patch writes both views and survives old deltas") {
    ReadyStore s;
    put_file(s.patch(), "{\"from\":\"run 1\"}");
    s.commit();
    s.restart();
    REQUIRE(s.store->set_patch(as_bytes("{\"from\":\"hp.cfg\"}")));
    CHECK(get_file(s.patch()) == "{\"from\":\"hp.cfg\"}");
    CHECK(get_file(s.root / "base" / "patch.cfg") == "{\"from\":\"hp.cfg\"}");
    CHECK(s.store->roots().config == hash_file_content(false, as_bytes("{\"from\":\"hp.cfg\"}")));
    put_file(s.live() / "unrelated", "x");
    s.commit(); // must carry patch.cfg, or replaying run 1 would bring the old one back
    s.restart();
    CHECK(get_file(s.patch()) == "{\"from\":\"hp.cfg\"}");
    REQUIRE_FALSE(s.store->set_patch(Bytes(limits::patch_bytes_max + 1)));
}

TEST_CASE("a run may go back to the patch.cfg that the deltas hold") {
    ReadyStore s;
    put_file(s.patch(), "old");
    s.commit();
    s.restart();
    REQUIRE(s.store->set_patch(as_bytes("new")));
    put_file(s.patch(), "old");
    s.commit();
    CHECK(get_file(s.root / "base" / "patch.cfg") == "old");
    s.restart();
    CHECK(get_file(s.patch()) == "old");
}

TEST_CASE("there need not be a patch.cfg at the first start") {
    const TempDir temp;
    make_contract_fs(temp.path());
    fs::remove(temp.path() / "seed" / "patch.cfg");
    const auto store = open_ready(temp.path(), 0);
    CHECK(store->roots().config.is_zero());
    CHECK(store->patch_content().error().code == Errc::not_found);
    CHECK(capture_now(*store).config.is_zero());
    REQUIRE(store->discard());
    REQUIRE(store->set_patch(as_bytes("{}")));
    CHECK(store->roots().config.hex() ==
          "ee926717f4d13dd8ab38c279ae051c2cb9b69f7022c64c54193df2d8a5f1960f");
    REQUIRE(store->discard());
    CHECK(get_file(temp.path() / "seed" / "patch.cfg") == "{}");
}

// --- first start and private files -----------------------------------------------------------

TEST_CASE("the first start refuses what cannot be state") {
    const TempDir temp;
    make_contract_fs(temp.path());
    const auto error = [&temp] {
        const auto store = open_store(temp.path(), Log());
        REQUIRE(store);
        const auto recovered = (*store)->recover(0);
        REQUIRE_FALSE(recovered);
        return recovered.err().code;
    };
    REQUIRE(mkfifo((temp.path() / "seed" / "state" / "pipe").c_str(), 0644) == 0);
    CHECK(error() == Errc::invalid);
    fs::remove(temp.path() / "seed" / "state" / "pipe");
    fs::remove(temp.path() / "seed" / "patch.cfg");
    fs::create_directory(temp.path() / "seed" / "patch.cfg");
    CHECK(error() == Errc::invalid);
    fs::remove(temp.path() / "seed" / "patch.cfg");
    fs::remove_all(temp.path() / "seed" / "state");
    CHECK(error() == Errc::not_found);
}

TEST_CASE("until a ledger is decided the seed may still be changed") {
    ReadyStore s;
    put_file(s.live() / "contract", "better");
    set_mode(s.live() / "contract", 0700);
    fs::remove(s.live() / "empty");
    s.restart();
    CHECK(get_file(s.base() / "contract") == "better");
    CHECK(mode_of(s.base() / "contract") == 0755);
    CHECK_FALSE(fs::exists(s.base() / "empty"));
}

TEST_CASE("node-private files appear in base as symlinks") {
    ReadyStore s;
    CHECK(get_file(s.root / "base" / "private.txt") == "mine");
    CHECK(fs::read_symlink(s.root / "base" / "private.txt") == "../seed/private.txt");
    fs::create_directory(s.root / "seed" / "backup");
    fs::remove(s.root / "seed" / "private.txt");
    REQUIRE(*s.store->apply_pending());
    CHECK(fs::is_symlink(s.root / "base" / "backup"));
    CHECK_FALSE(fs::exists(fs::symlink_status(s.root / "base" / "private.txt")));
    CHECK(fs::is_directory(fs::symlink_status(s.base())));
}

TEST_CASE("what the node restores belongs to the contract's user") {
    if (geteuid() != 0) {
        return;
    }
    ReadyStore s;
    for (const auto& entry : fs::recursive_directory_iterator(s.root / "seed")) {
        REQUIRE(lchown(entry.path().c_str(), 4321, 4321) == 0);
    }
    capture_now(*s.store);
    fs::remove_all(s.live() / "data");
    fs::create_hard_link(s.live() / "contract", s.live() / "other");
    capture_now(*s.store);
    REQUIRE(s.store->discard());
    for (const auto& entry : fs::recursive_directory_iterator(s.live())) {
        struct stat st {};
        REQUIRE(lstat(entry.path().c_str(), &st) == 0);
        CHECK(st.st_uid == 4321);
    }
}
