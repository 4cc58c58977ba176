// SPDX-License-Identifier: Apache-2.0
// Everything a contract may do to its files to harm the node, by a process of its own that ends
// before the node looks: as the node's user, and as another one where the tests run as root. After
// each of them the run can be committed, discarded, or recovered from, and the next one works.
#include <array>
#include <functional>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <grp.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hp/base/limits.hpp"
#include "portion.hpp"
#include "state_support.hpp"

using namespace hp;
using namespace hp::state;
using namespace hp::state::test;

namespace {

constexpr Owner contract_user{4321, 4322};
constexpr off_t tebibyte = off_t{1} << 40U;

// What a vandal does in its working directory, the state. No test macros: it is another process.
// False: not possible here, which is fine.
using Vandalism = std::function<bool()>;

enum class Needs { nothing, its_directories, root };

struct Vandal {
    const char* name;
    Vandalism act;
    Needs needs = Needs::nothing; // it fails without, which is fine
};

bool touch(const char* path, std::string_view content = "x") {
    const os::Fd fd(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    return fd &&
           write(fd.get(), content.data(), content.size()) == static_cast<ssize_t>(content.size());
}

bool sparse(const char* path, off_t size) {
    const os::Fd fd(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    return fd && ftruncate(fd.get(), size) == 0 && pwrite(fd.get(), "end", 3, size / 2) == 3;
}

bool lock(const char* path, int flag) {
    const os::Fd fd(open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    int flags = 0;
    if (!fd || ioctl(fd.get(), FS_IOC_GETFLAGS, &flags) != 0) {
        return false;
    }
    flags |= flag;
    return ioctl(fd.get(), FS_IOC_SETFLAGS, &flags) == 0;
}

bool touch_many(const std::string& prefix, int count) {
    for (int i = 0; i < count; ++i) {
        if (!touch((prefix + std::to_string(i)).c_str(), "")) {
            return false;
        }
    }
    return true;
}

bool nest(int depth, mode_t mode) {
    os::Fd dir(open("data", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (int i = 0; i < depth; ++i) {
        if (mkdirat(dir.get(), "d", 0755) != 0) {
            return false;
        }
        os::Fd next(openat(dir.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        fchmod(dir.get(), mode);
        dir = std::move(next);
    }
    return true;
}

bool odd_names() {
    const std::array<std::string, 7> names = {
        std::string(255, 'n'), "\xff\xfe\x80", "a\nb", "\x1b[2J", " ", "-rf", ".removed-0"};
    for (const std::string& name : names) {
        if (!touch(name.c_str()) || mkdir(("data/" + name).c_str(), 0) != 0) {
            return false;
        }
    }
    return true;
}

bool odd_symlinks() {
    const std::string longest(4095, 't');
    return symlink("/etc/passwd", "absolute") == 0 && symlink("loop", "loop") == 0 &&
           symlink("../../../..", "up") == 0 && symlink("nowhere", "dangling") == 0 &&
           symlink(longest.c_str(), "longest") == 0 && symlink("\xff\n", "data/bytes") == 0;
}

bool unreadable_everywhere() {
    return chmod("data/deep/leaf", 0) == 0 && chmod("data/big", 0) == 0 &&
           chmod("contract", 0111) == 0 && chmod("data/deep", 0) == 0 && chmod("data", 0) == 0 &&
           chmod("..", 0) == 0 && chmod(".", 0) == 0;
}

bool locked_everywhere() {
    return lock("data/big", FS_IMMUTABLE_FL) && lock("empty", FS_APPEND_FL) &&
           touch("data/deep/new") && lock("data/deep/new", FS_IMMUTABLE_FL) &&
           lock("data/deep", FS_IMMUTABLE_FL) && lock("../patch.cfg", FS_IMMUTABLE_FL) &&
           lock(".", FS_APPEND_FL) && lock("..", FS_IMMUTABLE_FL);
}

bool locked_directories() {
    return mkdir("gone", 0755) == 0 && touch("gone/f") && lock("gone/f", FS_IMMUTABLE_FL) &&
           lock("gone", FS_IMMUTABLE_FL);
}

bool special_files() {
    mknod("data/device", S_IFBLK | 0666, makedev(7, 0)); // for root only
    return mkfifo("fifo", 0) == 0 && mkfifo("data/deep/fifo", 0666) == 0;
}

bool hard_links() {
    return link("contract", "data/contract") == 0 && link("data/big", "../big") == 0 &&
           link("../private.txt", "private") == 0 && link("../patch.cfg", "patch.cfg") == 0 &&
           link("fifo", "empty2") != 0;
}

bool write_then(std::string_view what, const std::function<bool()>& act) {
    return touch("data/deep/leaf", what) && touch("new") && unlink("link") == 0 && act();
}

const std::vector<Vandal>& vandals() {
    static const std::vector<Vandal> all = {
        {"state of mode 000", [] { return chmod(".", 0) == 0; }},
        {"its parent of mode 000", [] { return chmod("..", 0) == 0; }},
        {"its parent without the right to search", [] { return chmod("..", 0400) == 0; }},
        {"its parent's parent of mode 000", [] { return chmod("../..", 0) == 0; },
         Needs::its_directories},
        {"its parent without the right to write", [] { return chmod("..", 0500) == 0; }},
        {"nothing readable", unreadable_everywhere},
        {"new files of mode 000",
         [] { return touch("secret") && chmod("secret", 0) == 0 && chmod("data", 0300) == 0; }},
        {"set-user-id and sticky bits",
         [] { return chmod("contract", 07777) == 0 && chmod("data", 07777) == 0; }},
        {"odd names", odd_names},
        {"odd symlinks", odd_symlinks},
        {"special files", special_files},
        {"hard links", hard_links},
        {"a tree too deep", [] { return nest(1500, 0755); }},
        {"a tree too deep and closed", [] { return nest(200, 0); }},
        {"a sparse file of 1 TiB", [] { return sparse("data/huge", tebibyte); }},
        {"a sparse file of 64 MiB", [] { return sparse("large", off_t{64} << 20U); }},
        {"locked files", locked_everywhere, Needs::root},
        {"locked directories", locked_directories, Needs::root},
        {"state removed", [] { return rename("../state", "../elsewhere") == 0; }},
        {"state a file", [] { return rename("../state", "../x") == 0 && touch("../state"); }},
        {"state a symlink",
         [] { return rename("../state", "../x") == 0 && symlink("/etc", "../state") == 0; }},
        {"state a fifo",
         [] { return rename("../state", "../x") == 0 && mkfifo("../state", 0) == 0; }},
        {"patch.cfg removed", [] { return unlink("../patch.cfg") == 0; }},
        {"patch.cfg of mode 000", [] { return chmod("../patch.cfg", 0) == 0; }},
        {"patch.cfg a directory",
         [] {
             return unlink("../patch.cfg") == 0 && mkdir("../patch.cfg", 0755) == 0 &&
                    touch("../patch.cfg/f") && chmod("../patch.cfg", 0) == 0;
         }},
        {"patch.cfg a symlink",
         [] { return unlink("../patch.cfg") == 0 && symlink("/etc/passwd", "../patch.cfg") == 0; }},
        {"patch.cfg a fifo",
         [] { return unlink("../patch.cfg") == 0 && mkfifo("../patch.cfg", 0666) == 0; }},
        {"patch.cfg of 2 GB", [] { return sparse("../patch.cfg", off_t{2} << 30U); }},
        {"many files", [] { return touch_many("data/f", 3000); }},
        {"many private files", [] { return touch_many("../p", 11'000); }}};
    return all;
}

// The act in a process of its own, as `user`. False when it could not be done here.
bool perform(const fs::path& state, std::optional<Owner> user, const Vandalism& act) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const bool ready = chdir(state.c_str()) == 0 &&
                           (!user || (setgroups(0, nullptr) == 0 && setgid(user->gid) == 0 &&
                                      setuid(user->uid) == 0));
        _exit(!ready ? 2 : act() ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    REQUIRE(WEXITSTATUS(status) != 2);
    return WEXITSTATUS(status) == 0;
}

// A run may do everything in its directories again, whoever it is.
void require_usable(ReadyStore& s, std::optional<Owner> user) {
    const bool done = perform(s.live(), user, [] {
        return touch("proof") && mkdir("directory", 0755) == 0 && touch("directory/f") &&
               touch("../next.cfg", "{\"proof\":1}") && rename("../next.cfg", "../patch.cfg") == 0;
    });
    REQUIRE(done);
    s.commit();
    CHECK(get_file(s.base() / "proof") == "x");
    CHECK(get_file(s.root / "base" / "patch.cfg") == "{\"proof\":1}");
}

// Locks exist on some file systems only.
void vandalise(const ReadyStore& s, std::optional<Owner> user, const Vandal& vandal,
               const Vandalism& act) {
    const bool done = perform(s.live(), user, act);
    if (vandal.needs == Needs::nothing || (vandal.needs == Needs::its_directories && !user)) {
        REQUIRE(done);
    }
}

void require_owned(const ReadyStore& s, std::optional<Owner> user) {
    if (!user) {
        return;
    }
    for (const auto& entry : fs::recursive_directory_iterator(s.live())) {
        struct stat st {};
        REQUIRE(lstat(entry.path().c_str(), &st) == 0);
        INFO(entry.path().string());
        CHECK(st.st_uid == user->uid);
        REQUIRE(lstat((s.base() / entry.path().lexically_relative(s.live())).c_str(), &st) == 0);
        CHECK(st.st_uid == geteuid());
    }
}

// What becomes of what a vandal left. One run of the tests lets each of them meet one of the three.
enum class Ending : std::uint64_t { committed, discarded, restarted };
constexpr std::uint64_t endings = 3;

std::vector<std::optional<Owner>> users() {
    std::vector<std::optional<Owner>> out = {std::nullopt};
    if (geteuid() == 0) {
        out.emplace_back(contract_user);
    }
    return out;
}

// Every vandal as every user, of those that meet this ending.
void for_vandals(Ending ending,
                 const std::function<void(const Vandal&, std::optional<Owner>)>& test) {
    const Portion portion(endings);
    std::uint64_t number = static_cast<std::uint64_t>(ending);
    for (const Vandal& vandal : vandals()) {
        for (const std::optional<Owner>& user : users()) {
            if (portion.has(number)) {
                INFO(vandal.name << (user ? " as another user" : ""));
                test(vandal, user);
            }
            ++number;
        }
    }
}

} // namespace

TEST_CASE("whatever a run leaves behind is committed or voids the run") {
    for_vandals(Ending::committed, [](const Vandal& vandal, std::optional<Owner> user) {
        ReadyStore s(user);
        vandalise(s, user, vandal, vandal.act);
        CaptureStats stats;
        const auto captured = s.store->capture(stats);
        if (!captured) {
            INFO(captured.err().context);
            REQUIRE(captured.err().code == Errc::too_large);
            REQUIRE(s.store->discard());
        }
        s.commit();
        require_owned(s, user);
        require_usable(s, user);
        s.restart();
        CHECK(s.commit().changed_files == 0);
    });
}

TEST_CASE("whatever a run leaves behind can be discarded") {
    for_vandals(Ending::discarded, [](const Vandal& vandal, std::optional<Owner> user) {
        ReadyStore s(user);
        const Snapshot before = snapshot(s.live());
        const std::string patch = get_file(s.patch());
        vandalise(s, user, vandal, [&vandal] { return write_then("discarded", vandal.act); });
        REQUIRE(s.store->discard());
        CHECK(difference(snapshot(s.live()), before).empty());
        CHECK(get_file(s.patch()) == patch);
        require_owned(s, user);
        require_usable(s, user);
    });
}

TEST_CASE("whatever a run leaves behind when the node is killed is undone by the next start") {
    for_vandals(Ending::restarted, [](const Vandal& vandal, std::optional<Owner> user) {
        ReadyStore s(user);
        put_file(s.live() / "kept", "kept");
        s.commit(); // before the first ledger the seed is whatever it is
        const Snapshot before = snapshot(s.live());
        vandalise(s, user, vandal, [&vandal] { return write_then("lost", vandal.act); });
        s.restart();
        CHECK(difference(snapshot(s.live()), before).empty());
        require_owned(s, user);
        require_usable(s, user);
    });
}

// --- single rules ----------------------------------------------------------------------------

TEST_CASE("links to files elsewhere do not change those files") {
    ReadyStore s;
    const fs::path key = s.outside() / "key";
    put_file(key, "secret");
    set_mode(key, 0600);
    fs::create_hard_link(key, s.live() / "linked");
    s.commit();
    CHECK(mode_of(key) == 0600);
    CHECK(get_file(s.live() / "linked") == "secret");
    put_file(s.live() / "linked", "own");
    s.commit();
    CHECK(get_file(key) == "secret");

    fs::create_hard_link(key, s.live() / "closed"); // not even readable at first
    set_mode(key, 0200);
    s.commit();
    CHECK(mode_of(key) == 0200);
    CHECK(get_file(s.live() / "closed") == "secret");
}

TEST_CASE("root reads no files of others for a contract that is somebody else") {
    if (geteuid() != 0) {
        return;
    }
    ReadyStore s(contract_user);
    const fs::path secret = s.outside() / "secret";
    put_file(secret, "secret of root");
    set_mode(secret, 0600);
    fs::create_hard_link(secret, s.live() / "linked"); // as where fs.protected_hardlinks is 0
    CHECK(s.commit().removed_special == 1);
    CHECK_FALSE(fs::exists(s.live() / "linked"));
    CHECK(get_file(secret) == "secret of root");
    CHECK(mode_of(secret) == 0600);
}

TEST_CASE("the contract's files are given to its user, others stay with theirs") {
    if (geteuid() != 0) {
        return;
    }
    TempDir temp;
    make_contract_fs(temp.path());
    const fs::path seed = temp.path() / "seed";
    const fs::path secret = temp.path() / "secret";
    put_file(secret, "secret");
    fs::create_hard_link(secret, seed / "linked");
    fs::create_symlink(secret, seed / "symlink");
    REQUIRE(mknod((seed / "device").c_str(), S_IFCHR | 0600, makedev(1, 3)) == 0);
    fs::create_directories(seed / "backup" / "deep");
    const auto owner_of = [](const fs::path& path) {
        struct stat st {};
        REQUIRE(lstat(path.c_str(), &st) == 0);
        return std::pair(st.st_uid, st.st_gid);
    };
    const std::pair<uid_t, gid_t> root(0, 0);
    const std::pair<uid_t, gid_t> user(contract_user.uid, contract_user.gid);

    auto store = open_ready(temp.path(), 0, contract_user);
    for (const char* name : {".", "state", "state/data/deep/leaf", "state/link", "patch.cfg",
                             "private.txt", "backup/deep", "symlink"}) {
        INFO(name);
        CHECK(owner_of(seed / name) == user);
    }
    CHECK(owner_of(seed / "linked") == root);
    CHECK(owner_of(secret) == root);
    CHECK(owner_of(seed / "device") == root);
    CHECK(owner_of(temp.path() / "base" / "state" / "contract") == root);

    // And to another one, when the operator changes its mind.
    run_and_commit(*store, 1);
    store.reset();
    store = open_ready(temp.path(), 1, Owner{4444, 4444});
    CHECK(owner_of(seed / "state" / "contract") == std::pair<uid_t, gid_t>(4444, 4444));
    CHECK(owner_of(seed / "private.txt") == std::pair<uid_t, gid_t>(4444, 4444));
    CHECK(owner_of(seed / "linked") == root);
}

TEST_CASE("the quota voids a run that leaves more bytes, and only that") {
    ReadyStore s;
    CaptureStats stats;
    REQUIRE(s.store->capture(stats));
    const std::uint64_t quota = stats.bytes + 1000;
    const Roots before = s.store->roots();

    put_file(s.live() / "fits", std::string(1000, 'x'));
    REQUIRE(s.store->capture(stats, quota));
    CHECK(stats.bytes == quota);
    put_file(s.live() / "fits", std::string(1001, 'x'));
    const auto over = s.store->capture(stats, quota);
    REQUIRE_FALSE(over);
    CHECK(over.err().code == Errc::too_large);
    CHECK(over.err().context.find(std::to_string(quota)) != std::string::npos);
    REQUIRE(s.store->discard());
    CHECK(s.store->roots() == before);
    CHECK_FALSE(fs::exists(s.live() / "fits"));

    // Holes count as what they say they are; node-private files and patch.cfg do not count.
    fs::resize_file(s.live() / "empty", 1001);
    REQUIRE_FALSE(s.store->capture(stats, quota));
    fs::resize_file(s.live() / "empty", 0);
    put_file(s.root / "seed" / "private", std::string(5000, 'p'));
    put_file(s.patch(), std::string(5000, 'p'));
    REQUIRE(s.store->capture(stats, quota));
    // A run may exceed it on the way, or get back below it.
    REQUIRE(s.store->capture(stats, 0));
}

TEST_CASE("very many files are a state like any other") {
    const int count = is_full_scale() ? 100'000 : 15'000;
    ReadyStore s;
    REQUIRE(perform(s.live(), std::nullopt, [count] { return touch_many("data/f", count); }));
    CaptureStats stats;
    REQUIRE(s.store->capture(stats));
    CHECK(stats.entries > static_cast<std::uint64_t>(count));
    REQUIRE(s.store->commit(++s.seq, {}));
    REQUIRE(*s.store->apply_pending());
    CHECK(fs::exists(s.base() / "data" / ("f" + std::to_string(count - 1))));
    fs::remove_all(s.live() / "data");
    s.commit();
    CHECK_FALSE(fs::exists(s.base() / "data"));
    require_usable(s, std::nullopt);
}
