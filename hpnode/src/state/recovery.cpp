// SPDX-License-Identifier: Apache-2.0
// Start-up of the store: the first start, and every later one, which is also the recovery from any
// crash. Repeating it after a crash in the middle is fine.
#include <algorithm>
#include <numeric>

#include <fcntl.h>

#include "hp/base/check.hpp"
#include "hp/base/limits.hpp"
#include "state/checkpoint.hpp"
#include "state/ownership.hpp"
#include "state/plain_store.hpp"
#include "state/restore.hpp"

namespace hp::state {

Result<Recovered> PlainStore::recover(LedgerSeq last_decided) {
    phase_ = Phase::opened;
    captured_.reset();
    pending_.clear();
    applied_.clear();
    base_fd_.reset();
    links_ = PrivateLinks();
    Recovered out;
    HP_TRY_STATUS(finish_cut_off_adoption());
    HP_TRY_STATUS(refuse_lost_ledgers(last_decided));
    if (auto given = give_seed_to_contract(); !given) {
        return fail(std::move(given.error()).in("giving the state to the user of the contract"));
    }
    if (last_decided == 0) {
        if (auto done = start_from_seed(); !done) {
            return fail(std::move(done.error()).in("taking over the initial contract state"));
        }
    } else {
        auto found = start_from_base();
        if (!found) {
            return fail(std::move(found.error()).in("recovering the contract state"));
        }
        out = std::move(*found);
    }
    committed_seq_ = out.committed_seq;
    roots_ = Roots{state_->hash, patch_ ? patch_->hash : Hash32{}};
    replayed_config_ = roots_.config;
    if (last_decided == 0) {
        HP_TRY_STATUS(versions_.start(ops_, root_fd_.get(), head()));
    } else {
        HP_TRY_STATUS(versions_.recover(ops_, root_fd_.get(), head(), log_));
    }
    HP_TRY(const os::Fd seed, open_seed());
    HP_TRY_STATUS(links_.refresh(ops_, seed.get(), base_fd_.get(), log_));
    HP_TRY_STATUS(begin_runs(seed.get()));
    phase_ = Phase::ready;
    log_.info("state ready", {{"root", roots_.state.short_hex()},
                              {"committed_seq", committed_seq_},
                              {"deltas", applied_.size()}});
    return out;
}

// Both views hold the committed state: from here on only changes matter.
Status PlainStore::begin_runs(int seed_dir) {
    totals_ = totals_of(*state_);
    HP_TRY(const os::Fd live, open_directory(seed_dir, state_name));
    watch_live(live.get());
    return {};
}

Version PlainStore::head() const {
    return Version{committed_seq_, roots_, state_, patch_, {}, {}, 0};
}

// A run starts only after its ledger is durable. So a trace of a run beyond the last ledger means
// that ledgers were lost or an old copy was restored: going on would use their numbers again and
// drop inputs that users were told are accepted.
Status PlainStore::refuse_lost_ledgers(LedgerSeq last_decided) {
    LedgerSeq newest = 0;
    if (const auto checkpoint = load_checkpoint(root_fd_.get())) {
        newest = checkpoint->seq;
    } else if (checkpoint.err().code != Errc::not_found) {
        return fail(checkpoint.err());
    }
    HP_TRY(const std::vector<std::string> names, list_names(deltas_fd_.get(), SIZE_MAX));
    for (const std::string& name : names) {
        newest = std::max(newest, parse_delta_name(name).value_or(0));
    }
    if (newest <= last_decided) {
        return {};
    }
    return fail(Errc::corrupt, "the state is at ledger " + std::to_string(newest) +
                                   ", but the last ledger stored is " +
                                   std::to_string(last_decided) +
                                   ": ledgers were lost; restore ledger_fs and contract_fs from "
                                   "one backup");
}

// Where the contract runs as another user, everything it may change has to be that user's: what the
// operator put there, and what an earlier user of the contract left behind.
Status PlainStore::give_seed_to_contract() {
    const auto owner = foreign_owner();
    if (!owner) {
        return {};
    }
    live_ops_.create_as(owner);
    HP_TRY(const auto st, stat_at(root_fd_.get(), "seed"));
    if (!st || !S_ISDIR(st->st_mode)) {
        return {};
    }
    OwnershipStats stats;
    HP_TRY_STATUS(give_tree(root_fd_.get(), "seed", *owner, stats));
    if (stats.given > 0) {
        log_.info("the contract's files were given to the user it runs as",
                  {{"uid", owner->uid}, {"gid", owner->gid}, {"entries", stats.given}});
    }
    if (stats.left > 0) {
        log_.warning("not all files beside the contract's state could be given to its user",
                     {{"count", stats.left}, {"first", stats.first_left}});
    }
    return {};
}

// --- first start -----------------------------------------------------------------------------

// Nothing was ever decided, so nothing but seed/ means anything yet. Operators may have changed it
// since an earlier attempt, so the base is always made anew.
Status PlainStore::start_from_seed() {
    HP_TRY_STATUS(clear_history());
    HP_TRY(const os::Fd seed, open_seed());
    HP_TRY(const auto st, stat_at(seed.get(), state_name));
    if (!st || !S_ISDIR(st->st_mode)) {
        return fail(Errc::not_found, "there is no directory seed/state in " + root_.string());
    }
    HP_TRY(const os::Fd live, open_live_state(seed.get()));
    Walker walker(live_ops_, WalkRules{WalkRules::Special::refuse, true});
    HP_TRY(state_, walker.tree(live.get(), nullptr));
    HP_TRY(patch_, import_patch(walker, seed.get()));
    HP_TRY_STATUS(build_base());
    const Roots roots{state_->hash, patch_ ? patch_->hash : Hash32{}};
    return save_checkpoint(ops_, root_fd_.get(), Checkpoint{0, roots});
}

Status PlainStore::clear_history() {
    HP_TRY(const std::vector<std::string> names, list_names(deltas_fd_.get(), SIZE_MAX));
    for (const std::string& name : names) {
        if (parse_delta_name(name)) {
            HP_TRY_STATUS(ops_.unlink(deltas_fd_.get(), name));
        }
    }
    // Durable before anything new gets one of these names.
    HP_TRY_STATUS(ops_.sync(deltas_fd_.get()));
    HP_TRY_STATUS(ops_.unlink(root_fd_.get(), checkpoint_name));
    return ops_.remove_tree(root_fd_.get(), "base.new");
}

Result<EntryPtr> PlainStore::import_patch(Walker& walker, int seed_dir) const {
    HP_TRY(auto st, stat_at(seed_dir, patch_name));
    if (!st) {
        return EntryPtr();
    }
    if (!S_ISREG(st->st_mode) ||
        static_cast<std::uint64_t>(st->st_size) > limits::patch_bytes_max) {
        return fail(Errc::invalid, "seed/patch.cfg must be a regular file of at most " +
                                       std::to_string(limits::patch_bytes_max) + " bytes");
    }
    if ((st->st_mode & 07777) != file_mode(false)) {
        HP_TRY_STATUS(live_ops_.set_mode(seed_dir, patch_name, file_mode(false)));
        HP_TRY(st, stat_at(seed_dir, patch_name));
    }
    return walker.file(seed_dir, patch_name, *st, nullptr);
}

Status PlainStore::build_base() {
    HP_TRY(const os::Fd seed, open_seed());
    HP_TRY(const os::Fd live, open_directory(seed.get(), state_name));
    HP_TRY_STATUS(ops_.make_directory(root_fd_.get(), "base.new"));
    HP_TRY(base_fd_, open_directory(root_fd_.get(), "base.new"));
    HP_TRY_STATUS(ops_.make_directory(base_fd_.get(), state_name));
    HP_TRY(const os::Fd copy, open_directory(base_fd_.get(), state_name));
    HP_TRY_STATUS(copy_directory(live.get(), copy.get(), *state_));
    if (patch_) {
        HP_TRY(const os::Fd from, open_at(seed.get(), patch_name, O_RDONLY));
        HP_TRY(const os::Fd to, ops_.create_file(base_fd_.get(), patch_name, false));
        HP_TRY_STATUS(ops_.copy_data(from.get(), to.get(), patch_->size));
    }
    Walker walker(ops_, WalkRules{WalkRules::Special::refuse, false});
    HP_TRY(const EntryPtr made, walker.tree(copy.get(), nullptr));
    if (made->hash != state_->hash) {
        return fail(Errc::io, "seed/state changed while it was copied");
    }
    HP_TRY_STATUS(ops_.sync_filesystem(base_fd_.get()));
    HP_TRY_STATUS(ops_.remove_tree(root_fd_.get(), "base"));
    HP_TRY_STATUS(ops_.rename(root_fd_.get(), "base.new", root_fd_.get(), "base"));
    return ops_.sync(root_fd_.get());
}

Status PlainStore::copy_directory(int from, int to, const Entry& directory) const {
    for (const Child& child : directory.children) {
        const std::string& name = child.name;
        if (child.entry->type == EntryType::symlink) {
            HP_TRY_STATUS(ops_.make_symlink(to, name, child.entry->target));
        } else if (child.entry->type == EntryType::file) {
            HP_TRY(const os::Fd source, open_at(from, name, O_RDONLY));
            HP_TRY(const os::Fd copy, ops_.create_file(to, name, child.entry->executable));
            HP_TRY_STATUS(ops_.copy_data(source.get(), copy.get(), child.entry->size));
        } else {
            HP_TRY_STATUS(ops_.make_directory(to, name));
            HP_TRY(const os::Fd source, open_directory(from, name));
            HP_TRY(const os::Fd copy, open_directory(to, name));
            HP_TRY_STATUS(copy_directory(source.get(), copy.get(), *child.entry));
        }
    }
    return {};
}

// --- later starts ----------------------------------------------------------------------------

Result<Recovered> PlainStore::start_from_base() {
    HP_TRY(base_fd_, open_directory(root_fd_.get(), "base"));
    HP_TRY(const Checkpoint checkpoint, load_checkpoint(root_fd_.get()));
    HP_TRY(std::vector<Delta> deltas, load_deltas(checkpoint));
    Recovered out;
    out.committed_seq = checkpoint.seq;
    Hash32 root = checkpoint.roots.state;
    if (!deltas.empty()) {
        out.committed_seq = deltas.back().header().seq;
        root = deltas.back().header().after.state;
        HP_TRY(out.record, deltas.back().record());
    }
    HP_TRY_STATUS(replay(deltas));
    HP_TRY_STATUS(read_base(root));
    HP_TRY_STATUS(restore_seed());
    return out;
}

// The sequence numbers of the deltas to replay, ascending. The others are removed, durably,
// before a new delta can get one of their names.
Result<std::vector<LedgerSeq>> PlainStore::list_deltas(const Checkpoint& checkpoint) {
    HP_TRY(const std::vector<std::string> names, list_names(deltas_fd_.get(), SIZE_MAX));
    std::vector<LedgerSeq> keep;
    bool removed = false;
    for (const std::string& name : names) {
        const auto seq = parse_delta_name(name);
        if (!seq) {
            log_.warning("a foreign file among the deltas is ignored", {{"name", name}});
        } else if (*seq <= checkpoint.seq) {
            HP_TRY_STATUS(ops_.unlink(deltas_fd_.get(), name));
            removed = true;
        } else {
            keep.push_back(*seq);
        }
    }
    if (removed) {
        HP_TRY_STATUS(ops_.sync(deltas_fd_.get()));
    }
    return keep; // names of equal length sort like their numbers
}

Result<std::vector<Delta>> PlainStore::load_deltas(const Checkpoint& checkpoint) {
    HP_TRY(const std::vector<LedgerSeq> seqs, list_deltas(checkpoint));
    std::vector<Delta> deltas;
    Hash32 root = checkpoint.roots.state;
    for (const LedgerSeq seq : seqs) {
        const std::string name = delta_name(seq);
        HP_TRY(os::Fd file, open_at(deltas_fd_.get(), name, O_RDONLY));
        auto delta = Delta::load(std::move(file));
        if (!delta && delta.err().code == Errc::corrupt && seq == seqs.back()) {
            // Torn while it was written: the run was never committed. Only the newest can be.
            log_.warning("an unfinished delta is dropped", {{"seq", seq}});
            HP_TRY_STATUS(ops_.unlink(deltas_fd_.get(), name));
            HP_TRY_STATUS(ops_.sync(deltas_fd_.get()));
            break;
        }
        if (!delta) {
            return fail(std::move(delta.error()).in("reading deltas/" + name));
        }
        if (delta->header().seq != seq || delta->header().state_before != root) {
            return fail(Errc::corrupt, "deltas/" + name + " does not follow the one before it");
        }
        root = delta->header().after.state;
        deltas.push_back(std::move(*delta));
    }
    return deltas;
}

Status PlainStore::replay(std::vector<Delta>& deltas) {
    for (const Delta& delta : deltas) {
        HP_TRY_STATUS(apply_delta(ops_, base_fd_.get(), delta, unsynced_));
        applied_.push_back(Applied{delta.header().seq, delta.header().after});
    }
    return {};
}

Status PlainStore::read_base(const Hash32& state_root) {
    Walker walker(ops_, WalkRules{WalkRules::Special::refuse, false});
    HP_TRY(const os::Fd base, open_directory(base_fd_.get(), state_name));
    HP_TRY(state_, walker.tree(base.get(), nullptr));
    if (state_->hash != state_root) {
        return fail(Errc::corrupt, "base/state has the hash " + state_->hash.short_hex() +
                                       " instead of the committed " + state_root.short_hex());
    }
    HP_TRY(const auto st, stat_at(base_fd_.get(), patch_name));
    patch_.reset();
    if (st && S_ISREG(st->st_mode)) {
        HP_TRY(patch_, walker.file(base_fd_.get(), patch_name, *st, nullptr));
    }
    return {};
}

// After state_ and patch_ were read from base/.
Status PlainStore::restore_seed() {
    HP_TRY(const os::Fd seed, mend_seed());
    HP_TRY(const os::Fd live, open_live_state(seed.get()));
    CommittedContent content(ops_, base_fd_.get(), pending_, CommittedContent::Base::just_read);
    Restorer restorer(live_ops_, content, false);
    HP_TRY(state_, restorer.directory(live.get(), state_name, state_));
    if (patch_) {
        HP_TRY(patch_, restorer.file(seed.get(), patch_name, patch_name, patch_));
    } else {
        HP_TRY_STATUS(live_ops_.remove_tree(seed.get(), patch_name));
    }
    if (restorer.restored() > 0) {
        log_.warning("the live state was not as committed and has been restored",
                     {{"entries", restorer.restored()}});
    }
    return {};
}

} // namespace hp::state
