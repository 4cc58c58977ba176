// SPDX-License-Identifier: Apache-2.0
// Kills the process before its k-th change of a file, for every k, through first start, commit,
// apply, checkpoint, discard and recovery, and checks that what is found afterwards is exactly the
// state before or after a run, together with the record that belongs to it.
#include <catch2/catch.hpp>
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

#include "state_support.hpp"

using namespace hp;
using namespace hp::state;
using namespace hp::state::test;

namespace {

constexpr LedgerSeq first_seq = 3; // runs 1 and 2 are there before the crash
constexpr LedgerSeq last_seq = 6;

fs::path live_of(const fs::path& root) {
    return root / "seed" / "state";
}

// What run `seq` does to the state: every kind of change, each run building on the one before.
void do_run(const fs::path& root, LedgerSeq seq) {
    const fs::path state = live_of(root);
    switch (seq) {
    case 1:
        put_file(state / "one", std::string(200'000, '1'));
        break;
    case 2:
        put_at(state / "one", 70'000, "two");
        fs::create_directory(state / "swap");
        put_file(state / "swap" / "inner", "inner");
        put_file(root / "seed" / "patch.cfg", "{\"run\":2}");
        break;
    case 3:
        put_at(state / "data" / "big", 131'072, "three");
        fs::remove_all(state / "swap");
        put_file(state / "swap", "now a file");
        fs::rename(state / "data" / "deep", state / "deeper");
        set_mode(state / "contract", 0644);
        break;
    case 4:
        fs::remove(state / "swap");
        fs::create_symlink("one", state / "swap");
        fs::resize_file(state / "one", 65'536);
        put_file(root / "seed" / "patch.cfg", "{\"run\":4}");
        break;
    case 5:
        fs::remove(state / "swap");
        fs::create_directories(state / "swap" / "a" / "b");
        put_file(state / "swap" / "a" / "b" / "c", std::string(100'000, '\0'));
        fs::remove_all(state / "deeper");
        break;
    default:
        fs::resize_file(state / "one", 400'000);
        put_at(state / "one", 390'000, "six");
        fs::remove_all(state / "swap" / "a");
        fs::create_hard_link(state / "one", state / "swap" / "one");
        break;
    }
}

std::string record_of(LedgerSeq seq) {
    return "record " + std::to_string(seq);
}

struct Picture {
    Snapshot state;
    std::string patch;
    bool operator==(const Picture&) const = default;
};

Picture picture(const fs::path& view) {
    return Picture{snapshot(view / "state"), get_file(view / "patch.cfg")};
}

void prepare(const fs::path& root) {
    make_contract_fs(root);
    const auto store = open_ready(root, 0);
    for (LedgerSeq seq = 1; seq < first_seq; ++seq) {
        do_run(root, seq);
        run_and_commit(*store, seq);
    }
}

// Everything a node does, in one process. Returns false on any error; no test macros, as it runs
// in a child.
bool work(const fs::path& root, const std::function<void()>& step) {
    auto opened = open_plain_store(root, Log(), StoreOptions{step});
    if (!opened || !(*opened)->recover(first_seq - 1)) {
        return false;
    }
    Store& store = **opened;
    for (LedgerSeq seq = first_seq; seq <= last_seq; ++seq) {
        put_file(live_of(root) / "half", "a run that is given up");
        fs::remove(live_of(root) / "one");
        CaptureStats stats;
        if (!store.discard()) {
            return false;
        }
        do_run(root, seq);
        if (!store.capture(stats) || !store.commit(seq, as_bytes(record_of(seq)))) {
            return false;
        }
        // Let deltas pile up, be applied together, and be cleared with one left over.
        if (seq % 2 == 0 && (!store.apply_pending() || !store.checkpoint(seq - 1))) {
            return false;
        }
    }
    return true;
}

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

std::map<LedgerSeq, Picture> expected_pictures(const fs::path& root) {
    std::map<LedgerSeq, Picture> out;
    make_contract_fs(root);
    const auto store = open_ready(root, 0);
    for (LedgerSeq seq = 1; seq <= last_seq; ++seq) {
        do_run(root, seq);
        run_and_commit(*store, seq);
        out[seq] = picture(root / "seed");
    }
    return out;
}

void check_recovered(const fs::path& root, const std::map<LedgerSeq, Picture>& expected,
                     LedgerSeq& newest) {
    auto store = open_store(root, Log());
    REQUIRE(store);
    const auto recovered = (*store)->recover(last_seq);
    INFO((recovered ? std::string() : recovered.err().context));
    REQUIRE(recovered);
    REQUIRE(recovered->committed_seq >= newest); // a later crash never loses an earlier commit
    newest = recovered->committed_seq;
    REQUIRE(expected.contains(newest));
    REQUIRE(difference(snapshot(root / "seed" / "state"), expected.at(newest).state).empty());
    REQUIRE((picture(root / "seed") == expected.at(newest)));
    REQUIRE((picture(root / "base") == expected.at(newest)));
    REQUIRE((recovered->record.empty() || to_text(recovered->record) == record_of(newest)));
    REQUIRE(hash_tree(root / "seed" / "state")->hex() == (*store)->roots().state.hex());
}

} // namespace

TEST_CASE("a crash before any file change leaves the state of a whole number of runs") {
    const TempDir temp;
    fs::create_directory(temp.path() / "model");
    const auto expected = expected_pictures(temp.path() / "model");
    const fs::path prepared = temp.path() / "prepared";
    fs::create_directory(prepared);
    prepare(prepared);
    const fs::path root = temp.path() / "contract_fs";
    LedgerSeq newest = first_seq - 1;
    bool killed = true;
    for (std::uint64_t k = 1; killed; ++k) {
        INFO("killed before change " << k);
        copy_tree(prepared, root);
        killed =
            killed_at(k, [&root](const std::function<void()>& step) { return work(root, step); });
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
    prepare(root);
    REQUIRE_FALSE(killed_at(
        UINT64_MAX, [&root](const std::function<void()>& step) { return work(root, step); }));
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
    bool killed = true;
    for (std::uint64_t k = 1; killed; ++k) {
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
