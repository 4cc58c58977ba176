// SPDX-License-Identifier: Apache-2.0
// Long seeded sequences of runs, commits, discards, crashes and power losses against a simple
// model: the picture of the state at the last commit.
#include <catch2/catch.hpp>

#include "portion.hpp"
#include "view_run.hpp"

using namespace hp;
using namespace hp::state;
using namespace hp::state::test;

namespace {

class Scenario {
public:
    Scenario(std::uint64_t seed, bool tracked)
        : root_(temp_.path() / "contract_fs"), changes_(root_ / "seed" / "state", seed),
          tracked_(tracked) {
        fs::create_directory(root_);
        make_contract_fs(root_);
        store_ = open_ready(root_, 0);
        committed_ = snapshot(live());
        remember_base();
    }

    void step() {
        switch (changes_.below(12)) {
        case 0:
        case 1:
            discard();
            break;
        case 2:
            restart(false);
            break;
        case 3:
            restart(true);
            break;
        case 4:
            checkpoint();
            break;
        case 5:
            toggle_reader();
            break;
        default:
            commit();
            break;
        }
    }

    void finish() {
        pass_.reset();
        apply();
    }

private:
    fs::path live() const { return root_ / "seed" / "state"; }
    fs::path base() const { return root_ / "base" / "state"; }

    void expect_live_is_committed() {
        REQUIRE(difference(snapshot(live()), committed_).empty());
        const auto hash = hash_tree(live());
        REQUIRE(hash);
        REQUIRE(hash->hex() == store_->roots().state.hex());
    }

    // What a run does.
    void change(std::size_t count, const std::optional<std::string>& patch) {
        const auto job = [&](RandomChanges& changes) {
            changes.change(count);
            if (patch) {
                put_file(root_ / "seed" / "patch.cfg", *patch);
            }
        };
        run_ = ViewRun();
        if (!tracked_) {
            job(changes_);
            return;
        }
        RandomChanges changes(live(), changes_.below(SIZE_MAX));
        run_ = run_in_view(root_ / "seed", [&] { job(changes); });
        REQUIRE(run_.failure == 0);
    }

    Roots capture() {
        CaptureStats stats;
        const auto roots = store_->capture(stats, 0, run_.written ? &*run_.written : nullptr);
        REQUIRE(roots);
        const auto hash = hash_tree(live());
        REQUIRE(hash);
        REQUIRE(hash->hex() == roots->state.hex());
        return *roots;
    }

    void commit() {
        const std::size_t count = 1 + changes_.below(8);
        std::optional<std::string> patch;
        if (changes_.below(4) == 0) {
            patch_ = "{\"n\":" + std::to_string(seq_) + "}";
            patch = patch_;
        }
        change(count, patch);
        const Roots roots = capture();
        ++seq_;
        REQUIRE(store_->commit(seq_, as_bytes("record " + std::to_string(seq_))));
        REQUIRE(store_->roots() == roots);
        committed_ = snapshot(live());
        apply();
    }

    void apply() {
        const auto applied = store_->apply_pending();
        REQUIRE(applied);
        REQUIRE((*applied || pass_.has_value()));
        if (*applied) {
            REQUIRE(difference(snapshot(base()), committed_).empty());
        } else {
            REQUIRE(difference(snapshot(base()), seen_by_reader_).empty());
        }
    }

    void discard() {
        change(1 + changes_.below(20), "never");
        if (changes_.below(2) == 0) {
            capture();
        }
        REQUIRE(store_->discard());
        expect_live_is_committed();
        REQUIRE(to_text(*store_->patch_content()) == patch_);
    }

    void checkpoint() {
        REQUIRE(store_->checkpoint(seq_));
        remember_base();
    }

    void toggle_reader() {
        if (pass_) {
            pass_.reset();
            apply();
        } else {
            apply();
            pass_.emplace(store_->gate().enter());
            seen_by_reader_ = committed_;
        }
    }

    // What a power loss can lead to: base/ in any mixture of its last synced content and the
    // present one, and garbage in the live view. What did not change since stays as it is.
    void remember_base() {
        fs::remove_all(temp_.path() / "synced");
        copy_tree(base(), temp_.path() / "synced");
    }

    void lose_power() {
        const Snapshot now = snapshot(base());
        for (const auto& [name, item] : now) {
            if (changes_.below(2) == 0) {
                revert(name);
            }
        }
        for (const auto& [name, item] : snapshot(temp_.path() / "synced")) {
            if (!now.contains(name) && changes_.below(2) == 0) {
                revert(name);
            }
        }
        changes_.change(changes_.below(10));
    }

    void revert(const std::string& name) {
        const fs::path old = temp_.path() / "synced" / name;
        const fs::path present = base() / name;
        const fs::file_type old_type = fs::symlink_status(old).type();
        const fs::file_type type = fs::symlink_status(present).type();
        if (type == old_type && type == fs::file_type::directory) {
            return;
        }
        if (type == old_type && type == fs::file_type::regular && changes_.below(2) == 0) {
            revert_pages(old, present);
            return;
        }
        std::error_code error;
        fs::remove_all(present, error);
        if (fs::is_directory(fs::symlink_status(present.parent_path()))) {
            fs::copy(old, present, fs::copy_options::copy_symlinks | fs::copy_options::recursive,
                     error);
        }
    }

    void revert_pages(const fs::path& old, const fs::path& present) {
        const std::string before = get_file(old);
        for (std::size_t at = 0; at < before.size(); at += 4096) {
            if (changes_.below(2) == 0) {
                put_at(present, at, std::string_view(before).substr(at, 4096));
            }
        }
    }

    void restart(bool power_lost) {
        pass_.reset();
        store_.reset();
        if (power_lost) {
            lose_power();
        } else {
            changes_.change(changes_.below(20)); // an unfinished run
        }
        if (seq_ == 0) {
            fs::remove_all(root_ / "seed" / "state");
            copy_tree(temp_.path() / "synced", root_ / "seed" / "state");
        }
        store_ = open_ready(root_, seq_);
        expect_live_is_committed();
        REQUIRE(difference(snapshot(base()), committed_).empty());
        REQUIRE(to_text(*store_->patch_content()) == patch_);
    }

    TempDir temp_;
    fs::path root_;
    RandomChanges changes_;
    bool tracked_;
    ViewRun run_;
    std::unique_ptr<Store> store_;
    std::optional<ReadGate::Pass> pass_;
    LedgerSeq seq_ = 0;
    Snapshot committed_;
    Snapshot seen_by_reader_;
    std::string patch_ = "{\"version\":\"1.0\"}\n";
};

} // namespace

namespace {

void run_scenario(std::uint64_t seed, bool tracked) {
    INFO("seed " << seed);
    Scenario scenario(seed, tracked);
    for (int i = 0; i < 60; ++i) {
        scenario.step();
    }
    scenario.finish();
}

} // namespace

TEST_CASE("random runs, discards, restarts and power losses keep to the committed state") {
    run_scenario(GENERATE(range(1U, 7U)), false);
}

TEST_CASE("the same through views that record what runs write", "[tracked]") {
    const std::uint64_t seed = GENERATE(range(1U, 7U));
    if (Portion(3).has(seed) && has_views()) {
        run_scenario(seed, true);
    }
}

TEST_CASE("many more random runs", "[.long]") {
    run_scenario(GENERATE(range(100U, 400U)), false);
}

TEST_CASE("many more random runs through views", "[.long]") {
    if (has_views()) {
        run_scenario(GENERATE(range(100U, 250U)), true);
    }
}
