// SPDX-License-Identifier: Apache-2.0
// The state store over plain files, private to this folder and its tests: open_store() is the way
// in for everybody else. store.cpp has what happens around a run, recovery.cpp what happens at
// start-up.
// One owner thread.
#pragma once

#include <deque>
#include <functional>
#include <optional>

#include "state/apply.hpp"
#include "state/change_watch.hpp"
#include "state/checkpoint.hpp"
#include "state/clock_watch.hpp"
#include "state/delta.hpp"
#include "state/private_links.hpp"
#include "state/store.hpp"
#include "state/tree.hpp"
#include "state/versions.hpp"
#include "state/walk.hpp"

namespace hp::state {

// How a capture finds out what a run has changed. All give the same hash.
enum class ChangeSource {
    events,  // the kernel tells which entries may have changed; `stat` where it cannot
    stat,    // all entries whose stat data differ, or prove nothing; `content` when they lie
    content, // every byte is read again
};

struct StoreOptions {
    std::function<void()> step; // before every change of a file; tests stop the process there
    std::optional<Owner> contract_owner = {};
    ChangeSource change_source = ChangeSource::events;
};

Result<std::unique_ptr<Store>> open_plain_store(const std::filesystem::path& contract_fs,
                                                const Log& log, const StoreOptions& options);

class PlainStore final : public Store {
public:
    PlainStore(std::filesystem::path root, os::Fd root_fd, os::Fd deltas_fd, Log log,
               const StoreOptions& options);

    std::filesystem::path live_state_dir() const override;
    std::filesystem::path live_patch_file() const override;
    std::filesystem::path base_state_dir() const override;
    ReadGate& gate() override { return gate_; }
    Result<Recovered> recover(LedgerSeq last_decided) override;
    const Roots& roots() const override;
    Status set_patch(ByteView content) override;
    std::uint64_t largest_file_bytes() const override;
    Result<Roots> capture(CaptureStats& stats, std::uint64_t quota_bytes,
                          const tracked::Written* written) override;
    Status commit(LedgerSeq seq, ByteView record) override;
    Status discard() override;
    Result<bool> apply_pending() override;
    Status checkpoint(LedgerSeq seq) override;
    Result<Bytes> patch_content() const override;
    const KeptVersions& versions() const override { return versions_; }
    Result<bool> adopt(LedgerSeq seq, const Roots& roots) override;

private:
    enum class Phase { opened, ready, failed };

    struct Captured {
        EntryPtr state;
        EntryPtr patch;
        Roots roots;
        WalkTotals totals;
        std::vector<Change> changes;
    };
    struct Applied { // in base/, but the delta is still needed if the power fails
        LedgerSeq seq = 0;
        Roots after;
    };

    Status check_ready() const;
    // What is on disk is unknown after this error: only a new recovery may decide.
    tl::unexpected<Error> failed(Error error);

    Result<os::Fd> open_seed() const;
    Result<os::Fd> mend_seed();
    Result<os::Fd> open_live_state(int seed_dir);
    void adopt_owner(const struct stat& st);
    std::optional<Owner> foreign_owner() const;
    void log_walk(const WalkStats& stats) const;

    // --- runs (store.cpp) ---
    Result<Captured> capture_views(CaptureStats& stats, std::uint64_t quota_bytes,
                                   const tracked::Written* written);
    Result<EntryPtr> capture_state(int live, const WalkRules& rules,
                                   const tracked::Written* written, CaptureStats& stats);
    void follow_live(int live, const EntryPtr& before, const EntryPtr& after);
    void watch_live(int live);
    Result<EntryPtr> capture_patch(Walker& walker, int seed_dir);
    void list_patch_change(Captured& captured) const;
    Status restore_live();
    Status apply_all_pending();

    // --- start-up (recovery.cpp) ---
    Status refuse_lost_ledgers(LedgerSeq last_decided);
    Status give_seed_to_contract();
    Status start_from_seed();
    Status clear_history();
    Status build_base();
    Status copy_directory(int from, int to, const Entry& directory) const;
    Result<EntryPtr> import_patch(Walker& walker, int seed_dir) const;
    Version head() const;
    Status begin_runs(int seed_dir);
    Result<Recovered> start_from_base();
    Result<std::vector<Delta>> load_deltas(const Checkpoint& checkpoint);
    Result<std::vector<LedgerSeq>> list_deltas(const Checkpoint& checkpoint);
    Status replay(std::vector<Delta>& deltas);
    Status read_base(const Hash32& state_root);
    Status restore_seed();

    // --- taking over a synced state (adopt.cpp) ---
    Result<Trees> read_staged(const Roots& roots) const;
    Status finish_adoption(const Checkpoint& adopted);
    Status finish_cut_off_adoption();

    std::filesystem::path root_;
    os::Fd root_fd_;
    os::Fd deltas_fd_;
    os::Fd base_fd_;
    Log log_;
    FileOps ops_;      // for base/ and deltas/
    FileOps live_ops_; // for seed/, whose entries may belong to the contract's user
    std::optional<Owner> contract_owner_;
    ReadGate gate_;
    ChangeSource change_source_;
    ChangeWatch watch_; // of the live state
    ClockWatch clock_;
    PrivateLinks links_;
    Phase phase_ = Phase::opened;

    // The committed state, with the stat data of the live view.
    EntryPtr state_;
    EntryPtr patch_; // null: there is no patch.cfg yet
    Roots roots_;
    WalkTotals totals_; // of the committed state
    LedgerSeq committed_seq_ = 0;
    // What patch.cfg would be after replaying all deltas. Differs from the committed one after
    // set_patch(); the next delta then carries the file even if the run did not touch it.
    Hash32 replayed_config_;

    std::optional<Captured> captured_;
    std::deque<SharedDelta> pending_; // committed, not yet in base/
    std::deque<Applied> applied_;     // ascending
    Unsynced unsynced_;
    KeptVersions versions_;
};

} // namespace hp::state
