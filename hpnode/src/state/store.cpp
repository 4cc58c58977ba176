// SPDX-License-Identifier: Apache-2.0
// Opening the store and what happens around a run: capture, commit, discard, apply, checkpoint.
#include "state/store.hpp"

#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "hp/base/check.hpp"
#include "hp/base/limits.hpp"
#include "hp/os/files.hpp"
#include "state/checkpoint.hpp"
#include "state/plain_store.hpp"
#include "state/restore.hpp"

namespace hp::state {
namespace {

// Gives an open directory its canonical mode when its owner may not do everything in it.
Status open_up(int fd) {
    HP_TRY(const struct stat st, stat_fd(fd));
    if ((st.st_mode & S_IRWXU) != S_IRWXU && fchmod(fd, directory_mode) != 0) {
        return fail(errno_error("cannot set the mode of the state's directory", errno));
    }
    return {};
}

void count_changes(const std::vector<Change>& changes, CaptureStats& stats) {
    for (const Change& change : changes) {
        if (change.kind != Change::Kind::file) {
            continue;
        }
        ++stats.changed_files;
        for (const std::uint32_t index : change.chunks) {
            stats.changed_bytes += chunk_length(change.entry->size, index);
        }
    }
}

// A contract that runs as the node's user may have closed it, and then the node was killed.
Result<os::Fd> open_root(const std::filesystem::path& root) {
    auto opened = os::open_file(root, O_RDONLY | O_DIRECTORY);
    if (!opened && opened.err().code == Errc::denied && chmod(root.c_str(), directory_mode) == 0) {
        opened = os::open_file(root, O_RDONLY | O_DIRECTORY);
    }
    if (opened) {
        HP_TRY_STATUS(open_up(opened->get()));
    }
    return opened;
}

} // namespace

Result<std::unique_ptr<Store>> open_store(const std::filesystem::path& contract_fs, const Log& log,
                                          std::optional<Owner> contract_owner) {
    return open_plain_store(contract_fs, log,
                            StoreOptions{{}, contract_owner, ChangeSource::events});
}

Result<std::unique_ptr<Store>> open_plain_store(const std::filesystem::path& contract_fs,
                                                const Log& log, const StoreOptions& options) {
    std::error_code error;
    std::filesystem::path root = std::filesystem::absolute(contract_fs, error);
    if (error) {
        return fail(Errc::io, "cannot find " + contract_fs.string() + ": " + error.message());
    }
    // The directory itself may be reached through symlinks; nothing below it may.
    HP_TRY(os::Fd root_fd, open_root(root));
    const FileOps ops(options.step);
    HP_TRY(const auto deltas, stat_at(root_fd.get(), "deltas"));
    if (!deltas) {
        HP_TRY_STATUS(ops.make_directory(root_fd.get(), "deltas"));
        HP_TRY_STATUS(ops.sync(root_fd.get()));
    }
    HP_TRY(os::Fd deltas_fd, open_directory(root_fd.get(), "deltas"));
    return std::unique_ptr<Store>(std::make_unique<PlainStore>(
        std::move(root), std::move(root_fd), std::move(deltas_fd), log.module("state"), options));
}

PlainStore::PlainStore(std::filesystem::path root, os::Fd root_fd, os::Fd deltas_fd, Log log,
                       const StoreOptions& options)
    : root_(std::move(root)), root_fd_(std::move(root_fd)), deltas_fd_(std::move(deltas_fd)),
      log_(std::move(log)), ops_(options.step), live_ops_(options.step),
      contract_owner_(options.contract_owner), change_source_(options.change_source) {}

std::filesystem::path PlainStore::live_state_dir() const {
    return root_ / "seed" / state_name;
}

std::filesystem::path PlainStore::live_patch_file() const {
    return root_ / "seed" / patch_name;
}

std::filesystem::path PlainStore::base_state_dir() const {
    return root_ / "base" / state_name;
}

const Roots& PlainStore::roots() const {
    return roots_;
}

namespace {

std::uint64_t largest_below(const Entry& entry) {
    std::uint64_t out = entry.size;
    for (const Child& child : entry.children) {
        out = std::max(out, largest_below(*child.entry));
    }
    return out;
}

} // namespace

std::uint64_t PlainStore::largest_file_bytes() const {
    return largest_below(*state_);
}

Status PlainStore::check_ready() const {
    HP_CHECK(phase_ != Phase::opened, "recover() comes first");
    if (phase_ == Phase::failed) {
        return fail(Errc::unavailable, "the state store failed before and must be recovered");
    }
    return {};
}

tl::unexpected<Error> PlainStore::failed(Error error) {
    phase_ = Phase::failed;
    return fail(std::move(error));
}

// --- the live view ---------------------------------------------------------------------------

Result<os::Fd> PlainStore::open_seed() const {
    return open_directory(live_ops_, root_fd_.get(), "seed");
}

// The same after a run, which may have closed the directories above its state or replaced them.
Result<os::Fd> PlainStore::mend_seed() {
    HP_TRY_STATUS(open_up(root_fd_.get()));
    HP_TRY(const auto st, stat_at(root_fd_.get(), "seed"));
    if (!st || !S_ISDIR(st->st_mode)) {
        log_.warning("the directory above the state is gone, an empty one takes its place");
        HP_TRY_STATUS(live_ops_.remove_tree(root_fd_.get(), "seed"));
        HP_TRY_STATUS(live_ops_.make_directory(root_fd_.get(), "seed"));
    }
    HP_TRY(os::Fd seed, open_seed());
    if (geteuid() == 0) {
        remove_locks(seed.get());
    }
    return seed;
}

// Contracts may run as another user, who must be able to write what the node creates for them.
void PlainStore::adopt_owner(const struct stat& st) {
    if (geteuid() == 0) {
        live_ops_.create_as(contract_owner_.value_or(Owner{st.st_uid, st.st_gid}));
    }
}

// The contract's user, when the node reads its files as somebody who may do more.
std::optional<Owner> PlainStore::foreign_owner() const {
    return geteuid() == 0 ? contract_owner_ : std::nullopt;
}

// A run may do anything to its directories, even replace the one it started in: then the new one
// counts, and where there is none, the state is empty.
Result<os::Fd> PlainStore::open_live_state(int seed_dir) {
    HP_TRY(const auto st, stat_at(seed_dir, state_name));
    if (st && S_ISDIR(st->st_mode)) {
        adopt_owner(*st);
        if ((st->st_mode & permission_bits) != directory_mode) {
            HP_TRY_STATUS(live_ops_.set_mode(seed_dir, state_name, directory_mode));
        }
    } else {
        log_.warning("the state directory is gone, an empty one takes its place");
        HP_TRY_STATUS(live_ops_.remove_tree(seed_dir, state_name));
        HP_TRY_STATUS(live_ops_.make_directory(seed_dir, state_name));
    }
    HP_TRY(os::Fd live, open_directory(seed_dir, state_name));
    if (geteuid() == 0) {
        remove_locks(live.get());
    }
    return live;
}

void PlainStore::log_walk(const WalkStats& stats) const {
    if (stats.removed_special > 0) {
        log_.warning("removed what is no content from the state: sockets, fifos, devices, or hard "
                     "links to files of others",
                     {{"count", stats.removed_special}, {"first", stats.first_special}});
    }
}

// --- capture ---------------------------------------------------------------------------------

Result<Roots> PlainStore::capture(CaptureStats& stats, std::uint64_t quota_bytes,
                                  const tracked::Written* written) {
    HP_TRY_STATUS(check_ready());
    stats = {};
    auto views = capture_views(stats, quota_bytes, written);
    if (!views) {
        captured_.reset();
        return fail(std::move(views.error()).in("reading the state after a run"));
    }
    captured_ = std::move(*views);
    list_changes(state_name, *state_, *captured_->state, captured_->changes);
    list_patch_change(*captured_);
    count_changes(captured_->changes, stats);
    return captured_->roots;
}

Result<PlainStore::Captured> PlainStore::capture_views(CaptureStats& stats,
                                                       std::uint64_t quota_bytes,
                                                       const tracked::Written* written) {
    HP_TRY(const os::Fd seed, mend_seed());
    HP_TRY(const os::Fd live, open_live_state(seed.get()));
    WalkRules rules{WalkRules::Special::remove, true};
    if (const auto owner = foreign_owner()) {
        rules.owner_uid = owner->uid;
    }
    if (quota_bytes > 0) {
        rules.bytes_max = quota_bytes;
    }
    Captured out;
    HP_TRY(out.state, capture_state(live.get(), rules, written, stats));
    out.totals = WalkTotals{stats.entries, stats.bytes};
    Walker walker(live_ops_, rules);
    HP_TRY(out.patch, capture_patch(walker, seed.get()));
    out.roots = Roots{out.state->hash, out.patch ? out.patch->hash : Hash32{}};
    return out;
}

Result<EntryPtr> PlainStore::capture_state(int live, const WalkRules& rules,
                                           const tracked::Written* written, CaptureStats& stats) {
    const EntryPtr& before = captured_ ? captured_->state : state_;
    const auto done = [&](const Walker& walker, const EntryPtr& after) {
        stats.entries = walker.stats().entries;
        stats.bytes = walker.stats().bytes;
        stats.removed_special = walker.stats().removed_special;
        stats.read_bytes = walker.stats().read_bytes;
        log_walk(walker.stats());
        follow_live(live, before, after);
        return after;
    };
    if (const auto touched = watch_.take(live)) {
        Walker walker(live_ops_, rules, written);
        const auto after =
            walker.touched_tree(live, before, captured_ ? captured_->totals : totals_, *touched);
        if (after) {
            return done(walker, *after);
        }
        // Whatever it was, looking at everything decides what it means.
    }
    stats.walked_all = true;
    const bool trust_stat = change_source_ != ChangeSource::content && !clock_.was_set();
    Walker walker(live_ops_, rules, written);
    auto after = walker.tree(live, trust_stat ? before : EntryPtr());
    if (!after) {
        watch_.lose(); // what it said was not followed
        return after;
    }
    if (!trust_stat) {
        clock_.forget();
    }
    return done(walker, *after);
}

void PlainStore::follow_live(int live, const EntryPtr& before, const EntryPtr& after) {
    if (const auto done = watch_.follow(live, before, after); !done) {
        log_.warning("changes of the state are no longer watched, each run looks at all entries",
                     {{"why", done.err().context}});
    }
}

void PlainStore::watch_live(int live) {
    if (change_source_ != ChangeSource::events) {
        return;
    }
    if (const auto done = watch_.start(live, state_); !done) {
        log_.info("changes of the state are not watched, each run looks at all entries",
                  {{"why", done.err().context}});
    }
}

// A patch.cfg that cannot count as one is put back, so that the next run finds the agreed file.
Result<EntryPtr> PlainStore::capture_patch(Walker& walker, int seed_dir) {
    HP_TRY(auto st, stat_at(seed_dir, patch_name));
    const bool fits = st && S_ISREG(st->st_mode) &&
                      static_cast<std::uint64_t>(st->st_size) <= limits::patch_bytes_max;
    if (!fits) {
        if (st) {
            log_.warning("patch.cfg is too large or not a regular file, the last one is restored");
        }
        if (!patch_) {
            HP_TRY_STATUS(live_ops_.remove_tree(seed_dir, patch_name));
            return EntryPtr();
        }
        if (!st) {
            log_.warning("patch.cfg has been removed, the last one is restored");
        }
        CommittedContent content(ops_, base_fd_.get(), pending_);
        Restorer restorer(live_ops_, content, true);
        return restorer.file(seed_dir, patch_name, patch_name, patch_);
    }
    if ((st->st_mode & permission_bits) != file_mode(false)) {
        HP_TRY_STATUS(live_ops_.set_mode(seed_dir, patch_name, file_mode(false)));
        HP_TRY(st, stat_at(seed_dir, patch_name));
    }
    return walker.file(seed_dir, patch_name, *st, captured_ ? captured_->patch : patch_);
}

// Always the whole file: deltas must give the right one also after set_patch() wrote past them.
void PlainStore::list_patch_change(Captured& captured) const {
    const Hash32& now = captured.roots.config;
    const bool changed = now != roots_.config;
    const bool catch_up = !captured.changes.empty() && now != replayed_config_;
    if (captured.patch && (changed || catch_up)) {
        list_change(patch_name, nullptr, captured.patch, captured.changes);
    }
}

// --- commit and discard ----------------------------------------------------------------------

Status PlainStore::commit(LedgerSeq seq, ByteView record) {
    HP_TRY_STATUS(check_ready());
    HP_CHECK(captured_.has_value(), "capture() comes before commit()");
    HP_CHECK(seq > committed_seq_, "runs are committed in ledger order");
    if (!captured_->changes.empty()) {
        auto seed = open_seed();
        if (!seed) {
            return failed(std::move(seed.error()));
        }
        const DeltaHeader header{seq, roots_.state, captured_->roots};
        auto delta =
            write_delta(ops_, deltas_fd_.get(), seed->get(), header, record, captured_->changes);
        if (!delta) {
            return failed(std::move(delta.error()).in("committing a run"));
        }
        pending_.push_back(std::make_shared<const Delta>(std::move(*delta)));
        committed_seq_ = seq;
        versions_.add(
            ops_,
            Version{
                seq, captured_->roots, captured_->state, captured_->patch, pending_.back(), {}, 0},
            log_);
        replayed_config_ = captured_->roots.config;
        gate_.announce();
    }
    state_ = std::move(captured_->state);
    totals_ = captured_->totals;
    patch_ = std::move(captured_->patch);
    roots_ = captured_->roots;
    captured_.reset();
    return {};
}

Status PlainStore::discard() {
    HP_TRY_STATUS(check_ready());
    // What was captured may be of other inodes than what was committed.
    if (captured_) {
        captured_.reset();
        watch_.lose();
    }
    if (auto done = restore_live(); !done) {
        return failed(std::move(done.error()).in("discarding a run"));
    }
    return {};
}

Status PlainStore::restore_live() {
    HP_TRY(const os::Fd seed, mend_seed());
    HP_TRY(const os::Fd live, open_live_state(seed.get()));
    CommittedContent content(ops_, base_fd_.get(), pending_);
    Restorer restorer(live_ops_, content, !clock_.was_set());
    const EntryPtr before = state_;
    watch_.lose(); // restoring looks like a run
    HP_TRY(state_, restorer.directory(live.get(), state_name, state_));
    follow_live(live.get(), before, state_);
    if (patch_) {
        HP_TRY(patch_, restorer.file(seed.get(), patch_name, patch_name, patch_));
    } else {
        HP_TRY_STATUS(live_ops_.remove_tree(seed.get(), patch_name));
    }
    log_.info("run discarded", {{"restored", restorer.restored()}});
    return {};
}

// --- base/ -----------------------------------------------------------------------------------

Result<bool> PlainStore::apply_pending() {
    HP_TRY_STATUS(check_ready());
    {
        HP_TRY(const os::Fd seed, open_seed());
        HP_TRY_STATUS(links_.refresh(ops_, seed.get(), base_fd_.get(), log_));
    }
    if (pending_.empty()) {
        return true;
    }
    if (!gate_.try_close()) {
        return false;
    }
    if (auto done = apply_all_pending(); !done) {
        gate_.shut();
        return failed(std::move(done.error()));
    }
    gate_.open();
    return true;
}

Status PlainStore::apply_all_pending() {
    while (!pending_.empty()) {
        const Delta& delta = *pending_.front();
        versions_.keep_undo(ops_, base_fd_.get(), log_);
        HP_TRY_STATUS(apply_delta(ops_, base_fd_.get(), delta, unsynced_));
        versions_.applied();
        applied_.push_back(Applied{delta.header().seq, delta.header().after});
        pending_.pop_front();
    }
    return {};
}

Status PlainStore::checkpoint(LedgerSeq seq) {
    HP_TRY_STATUS(check_ready());
    std::optional<Applied> newest;
    for (const Applied& delta : applied_) {
        if (delta.seq <= seq) {
            newest = delta;
        }
    }
    if (!newest) {
        return {};
    }
    const auto clean_up = [this, &newest]() -> Status {
        HP_TRY_STATUS(unsynced_.sync(ops_, base_fd_.get()));
        HP_TRY_STATUS(
            save_checkpoint(ops_, root_fd_.get(), Checkpoint{newest->seq, newest->after}));
        while (!applied_.empty() && applied_.front().seq <= newest->seq) {
            HP_TRY_STATUS(ops_.unlink(deltas_fd_.get(), delta_name(applied_.front().seq)));
            applied_.pop_front();
        }
        return ops_.sync(deltas_fd_.get());
    };
    if (auto done = clean_up(); !done) {
        return failed(std::move(done.error()).in("writing a state checkpoint"));
    }
    return {};
}

// --- patch.cfg -------------------------------------------------------------------------------

Status PlainStore::set_patch(ByteView content) {
    HP_TRY_STATUS(check_ready());
    HP_CHECK(!captured_ && pending_.empty(), "set_patch() is for start-up, before any run");
    if (content.size() > limits::patch_bytes_max) {
        return fail(Errc::too_large, "the content of patch.cfg");
    }
    if (hash_file_content(false, content) == roots_.config) {
        return {};
    }
    HP_TRY_STATUS(
        ops_.replace_file(root_fd_.get(), "patch.new", base_fd_.get(), patch_name, content));
    HP_TRY(const auto st, stat_at(base_fd_.get(), patch_name));
    HP_CHECK(st.has_value(), "just written");
    Walker walker(ops_, WalkRules{});
    HP_TRY(const EntryPtr patch, walker.file(base_fd_.get(), patch_name, *st, nullptr));
    // A crash before the live file is the same is mended by the next start.
    HP_TRY(const os::Fd seed, open_seed());
    CommittedContent committed(ops_, base_fd_.get(), pending_);
    Restorer restorer(live_ops_, committed, false);
    HP_TRY(patch_, restorer.file(seed.get(), patch_name, patch_name, patch));
    roots_.config = patch_->hash;
    versions_.set_head_patch(roots_.config, patch_);
    return {};
}

Result<Bytes> PlainStore::patch_content() const {
    HP_TRY_STATUS(check_ready());
    const EntryPtr& patch = captured_ ? captured_->patch : patch_;
    if (!patch) {
        return fail(Errc::not_found, "there is no patch.cfg yet");
    }
    HP_TRY(const os::Fd seed, open_seed());
    HP_TRY(const os::Fd file, open_at(seed.get(), patch_name, O_RDONLY));
    Bytes content(static_cast<std::size_t>(patch->size));
    HP_TRY(const std::size_t got, read_at(file.get(), content, 0));
    if (got != content.size() || hash_file_content(false, content) != patch->hash) {
        return fail(Errc::io, "patch.cfg changed after the run");
    }
    return content;
}

} // namespace hp::state
