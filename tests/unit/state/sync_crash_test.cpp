// SPDX-License-Identifier: Apache-2.0
// A node that is killed before any file operation (over several runs of the tests: Portion) of a
// state sync or of taking its result over: it then has the old state or the new one, whole, and the
// sync goes on where it was.
#include <csignal>

#include <catch2/catch.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "crash_runs.hpp"
#include "portion.hpp"

using namespace hp;
using namespace hp::state;
using namespace hp::state::test;

namespace {

bool killed_at(std::uint64_t k, const fs::path& root, const Store& source) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        std::uint64_t count = 0;
        const bool done = sync_and_adopt(root, source, [&count, k] {
            if (++count == k) {
                raise(SIGKILL);
            }
        });
        _exit(done ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status)) {
        REQUIRE(WTERMSIG(status) == SIGKILL);
        return true;
    }
    REQUIRE(WEXITSTATUS(status) == 0);
    return false;
}

} // namespace

TEST_CASE("a sync may be killed before any file operation, each time afresh") {
    SyncPair pair;
    const Picture fresh = picture(pair.source.root / "seed");
    const fs::path root = pair.node.path() / "run";
    const Portion portion(moments_step);
    bool killed = true;
    bool adopted_before = false;
    for (std::uint64_t k = portion.first(); killed; k += portion.step()) {
        INFO("killed before change " << k);
        copy_tree(pair.node.path() / "node", root);
        killed = killed_at(k, root, *pair.source.store);
        {
            const auto store = open_ready(root, target_seq);
            const Picture now = picture(root / "seed");
            REQUIRE((now == pair.old || now == fresh));
            REQUIRE((picture(root / "base") == now));
            const bool adopted = now == fresh;
            REQUIRE((adopted || !adopted_before)); // a later crash loses nothing
            adopted_before = adopted;
            REQUIRE_FALSE(fs::exists(root / "adopt"));
            REQUIRE_FALSE(fs::exists(root / "base.old"));
        }
        REQUIRE_FALSE(killed_at(UINT64_MAX, root, *pair.source.store));
        REQUIRE((picture(root / "seed") == fresh));
        fs::remove_all(root);
        REQUIRE(k < 2000);
    }
    CHECK(adopted_before);
}

TEST_CASE("a sync gets through although it is killed again and again") {
    SyncPair pair;
    const fs::path root = pair.node.path() / "node";
    bool killed = true;
    for (std::uint64_t k = 1; killed; ++k) {
        killed = killed_at(k, root, *pair.source.store);
        REQUIRE(k < 2000);
    }
    REQUIRE((picture(root / "seed") == picture(pair.source.root / "seed")));
    REQUIRE((picture(root / "base") == picture(pair.source.root / "seed")));
}
