// SPDX-License-Identifier: Apache-2.0
// Kills the process before its k-th change of a file, for every k (over several runs of the tests:
// Portion), through first start, commit, apply, checkpoint, discard and recovery, and checks that
// what is found afterwards is exactly the state before or after a run, together with the record
// that belongs to it.
#include <catch2/catch.hpp>
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

#include "crash_runs.hpp"
#include "portion.hpp"

using namespace hp;
using namespace hp::state;
using namespace hp::state::test;

namespace {

// Runs `job` in a child that is killed before its k-th file change. False when it got through.
bool killed_at(std::uint64_t k, const std::function<bool(const std::function<void()>&)>& job) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        std::uint64_t count = 0;
        const bool done = job([&count, k] {
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

TEST_CASE("a crash before any file change leaves the state of a whole number of runs") {
    const TempDir temp;
    fs::create_directory(temp.path() / "model");
    const auto expected = expected_pictures(temp.path() / "model");
    const fs::path prepared = temp.path() / "prepared";
    fs::create_directory(prepared);
    prepare_runs(prepared);
    const fs::path root = temp.path() / "contract_fs";
    LedgerSeq newest = first_seq - 1;
    const Portion portion(moments_step);
    bool killed = true;
    for (std::uint64_t k = portion.first(); killed; k += portion.step()) {
        INFO("killed before change " << k);
        copy_tree(prepared, root);
        killed = killed_at(
            k, [&root](const std::function<void()>& step) { return do_runs(root, step); });
        check_recovered(root, expected, newest);
        fs::remove_all(root);
        REQUIRE(k < 2000);
    }
    CHECK(newest == last_seq);
}

TEST_CASE("recovery itself may be killed anywhere, again and again") {
    const TempDir temp;
    fs::create_directory(temp.path() / "model");
    const auto expected = expected_pictures(temp.path() / "model");
    const fs::path root = temp.path() / "contract_fs";
    fs::create_directory(root);
    prepare_runs(root);
    REQUIRE_FALSE(killed_at(
        UINT64_MAX, [&root](const std::function<void()>& step) { return do_runs(root, step); }));
    // Base and live as after a power loss: as old as the last checkpoint allows, and garbage.
    fs::remove_all(root / "seed" / "state");
    fs::create_directory(root / "seed" / "state");
    put_file(root / "seed" / "state" / "swap", "garbage");
    bool killed = true;
    for (std::uint64_t k = 1; killed; ++k) {
        killed = killed_at(k, [&root](const std::function<void()>& step) {
            auto store = open_plain_store(root, Log(), StoreOptions{step});
            return store && (*store)->recover(last_seq);
        });
        put_file(root / "seed" / "state" / "one", "garbage " + std::to_string(k));
        REQUIRE(k < 2000);
    }
    LedgerSeq newest = last_seq;
    check_recovered(root, expected, newest);
}

TEST_CASE("the first start may be killed anywhere") {
    const TempDir temp;
    const fs::path root = temp.path() / "contract_fs";
    fs::create_directory(root);
    make_contract_fs(root);
    const Picture initial = picture(root / "seed");
    const Portion portion(moments_step);
    bool killed = true;
    for (std::uint64_t k = portion.first(); killed; k += portion.step()) {
        INFO("killed before change " << k);
        fs::remove_all(root / "base");
        killed = killed_at(k, [&root](const std::function<void()>& step) {
            auto store = open_plain_store(root, Log(), StoreOptions{step});
            return store && (*store)->recover(0);
        });
        const auto store = open_ready(root, 0);
        REQUIRE((picture(root / "seed") == initial));
        REQUIRE((picture(root / "base") == initial));
        REQUIRE(hash_tree(root / "base" / "state")->hex() == store->roots().state.hex());
        REQUIRE(k < 2000);
    }
}
