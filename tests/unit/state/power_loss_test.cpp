// SPDX-License-Identifier: Apache-2.0
// A loss of power before the k-th change of a file, for every k (over several runs of the tests:
// Portion): what was not synced is dropped, kept or torn. The store is then that of a whole number
// of runs, and never behind one that it has reported as committed.
#include <catch2/catch.hpp>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash_runs.hpp"
#include "portion.hpp"
#include "power_loss.hpp"

using namespace hp;
using namespace hp::state;
using namespace hp::state::test;

namespace {

// How a job in a child ended.
enum Loss : int { survived, struck, damaged };

struct Attempt {
    Loss verdict = survived;
    LedgerSeq reported = 0; // before the end
};

using Job = std::function<bool(const std::function<void()>& step, volatile LedgerSeq* reported)>;

// Runs `job` in a child in which power fails before its k-th file change.
Attempt lose_power_at(std::uint64_t k, const fs::path& root, const Job& job,
                      PowerLoss::Disk disk = PowerLoss::Disk::honest) {
    void* memory =
        mmap(nullptr, sizeof(LedgerSeq), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    auto* reported = static_cast<volatile LedgerSeq*>(memory);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        try {
            PowerLoss power(root, disk);
            std::uint64_t count = 0;
            const auto step = [&] {
                if (++count == k) {
                    power.strike(k);
                    _exit(struck);
                }
            };
            _exit(job(step, reported) ? survived : damaged);
        } catch (...) { // also what test macros throw: one test program is enough
            _exit(damaged);
        }
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    const Attempt out{static_cast<Loss>(WEXITSTATUS(status)), *reported};
    munmap(memory, sizeof(LedgerSeq));
    REQUIRE(WIFEXITED(status));
    REQUIRE(out.verdict != damaged);
    return out;
}

} // namespace

TEST_CASE("a power loss before any file change leaves a whole number of runs") {
    const TempDir temp;
    fs::create_directory(temp.path() / "model");
    const auto expected = expected_pictures(temp.path() / "model");
    const fs::path prepared = temp.path() / "prepared";
    fs::create_directory(prepared);
    prepare_runs(prepared);
    const fs::path root = temp.path() / "contract_fs";
    const Portion portion(moments_step);
    Attempt attempt{struck};
    for (std::uint64_t k = portion.first(); attempt.verdict == struck; k += portion.step()) {
        INFO("power lost before change " << k);
        copy_tree(prepared, root);
        attempt = lose_power_at(k, root, [&root](const auto& step, volatile LedgerSeq* reported) {
            return do_runs(root, step, reported);
        });
        LedgerSeq newest = std::max(attempt.reported, first_seq - 1);
        check_recovered(root, expected, newest);
        fs::remove_all(root);
        REQUIRE(k < 2000);
    }
    CHECK(attempt.reported == last_seq);
}

// That the tests here would notice.
TEST_CASE("with a disk that lies about syncing, a power loss does lose runs") {
    const TempDir temp;
    const fs::path prepared = temp.path() / "prepared";
    fs::create_directory(prepared);
    prepare_runs(prepared);
    const fs::path root = temp.path() / "contract_fs";
    std::size_t lost = 0;
    Attempt attempt{struck};
    for (std::uint64_t k = 1; attempt.verdict == struck; k += 20) {
        copy_tree(prepared, root);
        attempt = lose_power_at(
            k, root,
            [&root](const auto& step, volatile LedgerSeq* reported) {
                return do_runs(root, step, reported);
            },
            PowerLoss::Disk::lying);
        auto store = open_store(root, Log());
        REQUIRE(store);
        const auto recovered = (*store)->recover(last_seq);
        lost += !recovered || recovered->committed_seq < attempt.reported ? 1 : 0;
        fs::remove_all(root);
    }
    CHECK(lost > 0);
}

TEST_CASE("a power loss before any file change of a sync leaves the old state or the new one") {
    SyncPair pair;
    const Picture fresh = picture(pair.source.root / "seed");
    const fs::path root = pair.node.path() / "run";
    const Portion portion(moments_step);
    Attempt attempt{struck};
    std::size_t adopted = 0;
    for (std::uint64_t k = portion.first(); attempt.verdict == struck; k += portion.step()) {
        INFO("power lost before change " << k);
        copy_tree(pair.node.path() / "node", root);
        const Job job = [&](const auto& step, volatile LedgerSeq* reported) {
            return sync_and_adopt(root, *pair.source.store, step, reported);
        };
        attempt = lose_power_at(k, root, job);
        {
            const auto store = open_ready(root, target_seq);
            const Picture now = picture(root / "seed");
            REQUIRE((now == pair.old || now == fresh));
            REQUIRE((now == fresh || attempt.reported != target_seq));
            REQUIRE((picture(root / "base") == now));
            adopted += now == fresh ? 1 : 0;
        }
        REQUIRE(lose_power_at(UINT64_MAX, root, job).verdict == survived);
        REQUIRE((picture(root / "seed") == fresh));
        fs::remove_all(root);
        REQUIRE(k < 2000);
    }
    CHECK(adopted > 0);
}

TEST_CASE("a power loss during the first start is made good by the next") {
    const TempDir temp;
    const fs::path prepared = temp.path() / "prepared";
    const fs::path root = temp.path() / "contract_fs";
    fs::create_directory(prepared);
    make_contract_fs(prepared);
    const Picture initial = picture(prepared / "seed");
    const Portion portion(moments_step);
    Attempt attempt{struck};
    for (std::uint64_t k = portion.first(); attempt.verdict == struck; k += portion.step()) {
        INFO("power lost before change " << k);
        copy_tree(prepared, root);
        attempt = lose_power_at(k, root, [&root](const auto& step, volatile LedgerSeq* /*none*/) {
            auto store = open_plain_store(root, Log(), StoreOptions{step});
            return store && (*store)->recover(0);
        });
        const auto store = open_ready(root, 0);
        REQUIRE((picture(root / "seed") == initial));
        REQUIRE((picture(root / "base") == initial));
        fs::remove_all(root);
        REQUIRE(k < 2000);
    }
}
