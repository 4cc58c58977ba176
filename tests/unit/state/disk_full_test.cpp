// SPDX-License-Identifier: Apache-2.0
// A disk that is full at any write of a run, a checkpoint or a sync (over several runs of the
// tests: Portion): the store says so, and after the next start the state is that of a whole number
// of runs. The file system is a small one of the test's own, which takes mount permission in a user
// namespace.
#include <csignal>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash_runs.hpp"
#include "portion.hpp"

using namespace hp;
using namespace hp::state;
using namespace hp::state::test;

namespace {

constexpr std::size_t page_bytes = 4096;
constexpr LedgerSeq runs = 3;
constexpr std::size_t spares_step = 5;
constexpr std::size_t full_min = 10; // how often the disk was full at least, if tried with each

// How a child process ends.
enum Verdict : int { through, was_full, wrong, cannot_mount };

bool tell(const char* file, const std::string& text) {
    const os::Fd fd(open(file, O_WRONLY | O_CLOEXEC));
    return fd && write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// Whoever may not mount gets a user namespace to be root in.
bool enter_namespace() {
    const std::string uid = std::to_string(geteuid());
    const std::string gid = std::to_string(getegid());
    if (uid == "0") {
        return unshare(CLONE_NEWNS) == 0;
    }
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
        return false;
    }
    return tell("/proc/self/setgroups", "deny") && tell("/proc/self/uid_map", "0 " + uid + " 1") &&
           tell("/proc/self/gid_map", "0 " + gid + " 1");
}

bool mount_tmpfs(const fs::path& at) {
    return enter_namespace() && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           mount("tmpfs", at.c_str(), "tmpfs", 0, "size=64m,mode=0755") == 0;
}

bool resize_tmpfs(const fs::path& at, std::size_t pages) {
    const std::string option = "size=" + std::to_string(pages * page_bytes);
    return mount("tmpfs", at.c_str(), "tmpfs", MS_REMOUNT, option.c_str()) == 0;
}

std::size_t used_pages(const fs::path& at) {
    const fs::space_info info = fs::space(at);
    return static_cast<std::size_t>((info.capacity - info.free) / page_bytes);
}

// Every run leaves the same size, so that only the store's own writes can meet the end of the disk.
void do_run(const fs::path& root, LedgerSeq seq) {
    const fs::path state = root / "seed" / "state";
    put_at(state / "data" / "big", seq * 65'536, std::string(70'000, static_cast<char>('a' + seq)));
    put_at(state / "contract", 0, std::to_string(seq));
    fs::rename(state / "data" / "deep", state / "data" / ("deep" + std::to_string(seq)));
    fs::rename(state / "data" / ("deep" + std::to_string(seq)), state / "data" / "deep");
}

struct Pictures {
    std::vector<Snapshot> after; // by run; [0] is the start
};

Pictures expected(const fs::path& root) {
    Pictures out;
    fs::create_directory(root);
    make_contract_fs(root);
    const auto store = open_ready(root, 0);
    for (LedgerSeq seq = 0; seq <= runs; ++seq) {
        if (seq > 0) {
            do_run(root, seq);
            run_and_commit(*store, seq);
        }
        out.after.push_back(snapshot(root / "seed" / "state"));
    }
    return out;
}

bool is_full(const Error& error) {
    return error.code == Errc::no_space;
}

// True when all got through; false when the disk was full; `verdict` wrong for anything else.
bool work(const fs::path& root, Verdict& verdict) {
    const auto stopped = [&verdict](const Error& error) {
        verdict = is_full(error) ? was_full : wrong;
        return false;
    };
    auto store = open_store(root, Log());
    if (!store) {
        return stopped(store.err());
    }
    if (const auto recovered = (*store)->recover(runs); !recovered) {
        return stopped(recovered.err());
    }
    for (LedgerSeq seq = 1; seq <= runs; ++seq) {
        do_run(root, seq);
        CaptureStats stats;
        if (const auto roots = (*store)->capture(stats); !roots) {
            return stopped(roots.err());
        }
        if (const auto done = (*store)->commit(seq, as_bytes("r")); !done) {
            return stopped(done.err());
        }
        if (const auto done = (*store)->apply_pending(); !done) {
            return stopped(done.err());
        }
        if (const auto done = (*store)->checkpoint(seq - 1); !done) {
            return stopped(done.err());
        }
    }
    return true;
}

// In a child process, where no test macro may fail: the whole of one attempt with `spare` free
// pages.
Verdict attempt(const fs::path& at, std::size_t spare, const Pictures& pictures) {
    if (!mount_tmpfs(at)) {
        return cannot_mount;
    }
    const fs::path root = at / "contract_fs";
    fs::create_directory(root);
    make_contract_fs(root);
    {
        auto store = open_store(root, Log());
        if (!store || !(*store)->recover(0)) {
            return wrong;
        }
    }
    if (!resize_tmpfs(at, used_pages(at) + spare)) {
        return cannot_mount;
    }
    Verdict verdict = through;
    const bool done = work(root, verdict);
    if (!resize_tmpfs(at, std::size_t{64} << 8)) {
        return cannot_mount;
    }
    auto store = open_store(root, Log());
    if (verdict == wrong || !store) {
        return wrong;
    }
    const auto recovered = (*store)->recover(runs);
    if (!recovered || recovered->committed_seq > runs) {
        return wrong;
    }
    const Snapshot& wanted = pictures.after[recovered->committed_seq];
    const bool whole =
        snapshot(root / "seed" / "state") == wanted && snapshot(root / "base" / "state") == wanted;
    if (!whole || (done && recovered->committed_seq != runs)) {
        return wrong;
    }
    return verdict;
}

// A sync, and taking its result over.
Verdict attempt_sync(const fs::path& at, std::size_t spare, const SyncPair& pair,
                     const Picture& fresh) {
    if (!mount_tmpfs(at)) {
        return cannot_mount;
    }
    const fs::path root = at / "contract_fs";
    copy_tree(pair.node.path() / "node", root);
    if (!resize_tmpfs(at, used_pages(at) + spare)) {
        return cannot_mount;
    }
    const bool done = sync_and_adopt(root, *pair.source.store, [] {});
    if (!resize_tmpfs(at, std::size_t{64} << 8)) {
        return cannot_mount;
    }
    {
        const auto store = open_ready(root, target_seq);
        const Picture now = picture(root / "seed");
        if (!(picture(root / "base") == now) || !(now == fresh || (!done && now == pair.old))) {
            return wrong;
        }
    }
    const bool again = sync_and_adopt(root, *pair.source.store, [] {});
    return !again || !(picture(root / "seed") == fresh) ? wrong : done ? through : was_full;
}

// Tries with ever more space until one gets through. How often the disk was full.
std::size_t fill_up(const std::function<Verdict(std::size_t spare)>& one) {
    const Portion portion(spares_step);
    std::size_t full = 0;
    for (std::size_t spare = portion.first() - 1;; spare += portion.step()) {
        INFO("with " << spare << " free pages");
        REQUIRE(spare < 2000);
        const pid_t child = fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            try {
                _exit(one(spare));
            } catch (...) { // also what test macros throw: one test program is enough
                _exit(wrong);
            }
        }
        int status = 0;
        REQUIRE(waitpid(child, &status, 0) == child);
        REQUIRE(WIFEXITED(status));
        REQUIRE(WEXITSTATUS(status) != wrong);
        if (WEXITSTATUS(status) == cannot_mount) {
            WARN("no file system of one's own can be mounted here");
            return SIZE_MAX;
        }
        if (WEXITSTATUS(status) == through) {
            return full;
        }
        ++full;
    }
}

} // namespace

TEST_CASE("a disk that is full at any page of a sync leaves the old state or the new one") {
    const SyncPair pair;
    const Picture fresh = picture(pair.source.root / "seed");
    const TempDir temp;
    const fs::path at = temp.path() / "small";
    fs::create_directory(at);
    CHECK(fill_up([&](std::size_t spare) { return attempt_sync(at, spare, pair, fresh); }) >=
          Portion(spares_step).of(full_min));
}

TEST_CASE("a disk that is full at any page leaves the state of a whole number of runs") {
    const TempDir temp;
    const Pictures pictures = expected(temp.path() / "model");
    const fs::path at = temp.path() / "small";
    fs::create_directory(at);
    CHECK(fill_up([&](std::size_t spare) { return attempt(at, spare, pictures); }) >=
          Portion(spares_step).of(full_min));
}
