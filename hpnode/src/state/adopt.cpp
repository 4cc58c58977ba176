// SPDX-License-Identifier: Apache-2.0
// Taking over a synced state. From the moment the file contract_fs/adopt is durable, the staged
// tree is the committed state: every step after it can be repeated, and start-up does so.
#include <fcntl.h>

#include "hp/base/check.hpp"
#include "hp/base/limits.hpp"
#include "state/checkpoint.hpp"
#include "state/plain_store.hpp"
#include "state/sync/staging.hpp"

namespace hp::state {

namespace {

constexpr const char* marker_name = "adopt"; // has the form of a checkpoint
constexpr const char* retired_name = "base.old";

} // namespace

Result<bool> PlainStore::adopt(LedgerSeq seq, const Roots& roots) {
    HP_TRY_STATUS(check_ready());
    HP_CHECK(seq >= committed_seq_, "ledgers are not taken back");
    captured_.reset();
    HP_TRY(Trees staged, read_staged(roots));
    if (!gate_.try_close()) {
        return false;
    }
    const Checkpoint adopted{seq, roots};
    const auto take_over = [this, &adopted, &staged]() -> Status {
        HP_TRY_STATUS(ops_.sync_filesystem(root_fd_.get()));
        HP_TRY_STATUS(save_checkpoint(ops_, root_fd_.get(), adopted, marker_name));
        HP_TRY_STATUS(finish_adoption(adopted));
        pending_.clear();
        applied_.clear();
        unsynced_ = Unsynced();
        links_ = PrivateLinks();
        HP_TRY(base_fd_, open_directory(root_fd_.get(), "base"));
        state_ = std::move(staged.state);
        patch_ = std::move(staged.patch);
        committed_seq_ = adopted.seq;
        roots_ = adopted.roots;
        replayed_config_ = roots_.config;
        HP_TRY_STATUS(versions_.start(ops_, root_fd_.get(), head()));
        HP_TRY_STATUS(restore_seed());
        HP_TRY(const os::Fd seed, open_seed());
        HP_TRY_STATUS(links_.refresh(ops_, seed.get(), base_fd_.get(), log_));
        return begin_runs(seed.get());
    };
    if (auto done = take_over(); !done) {
        gate_.shut();
        return failed(std::move(done.error()).in("taking over a synced state"));
    }
    gate_.open();
    log_.info("synced state taken over", {{"seq", seq}, {"root", roots.state.short_hex()}});
    return true;
}

// Everything was checked when it arrived; this is about the disk, and about who calls.
Result<Trees> PlainStore::read_staged(const Roots& roots) const {
    HP_TRY(const os::Fd staging, open_directory(root_fd_.get(), sync::staging_name));
    HP_TRY(const os::Fd state, open_directory(staging.get(), state_name));
    Walker walker(ops_, WalkRules{WalkRules::Special::refuse, false});
    Trees out;
    HP_TRY(out.state, walker.tree(state.get(), nullptr));
    if (out.state->hash != roots.state) {
        return fail(Errc::corrupt, "the staged state has the hash " + out.state->hash.short_hex() +
                                       " instead of " + roots.state.short_hex());
    }
    HP_TRY(const auto st, stat_at(staging.get(), patch_name));
    if (st && S_ISREG(st->st_mode)) {
        HP_TRY(out.patch, walker.file(staging.get(), patch_name, *st, nullptr));
    }
    if ((out.patch ? out.patch->hash : Hash32{}) != roots.config) {
        return fail(Errc::corrupt, "the staged patch.cfg is not the one to be taken over");
    }
    return out;
}

Status PlainStore::finish_adoption(const Checkpoint& adopted) {
    HP_TRY(const auto staging, stat_at(root_fd_.get(), sync::staging_name));
    if (staging) {
        HP_TRY(const auto base, stat_at(root_fd_.get(), "base"));
        if (base) {
            HP_TRY_STATUS(ops_.remove_tree(root_fd_.get(), retired_name));
            HP_TRY_STATUS(ops_.rename(root_fd_.get(), "base", root_fd_.get(), retired_name));
        }
        HP_TRY_STATUS(ops_.rename(root_fd_.get(), sync::staging_name, root_fd_.get(), "base"));
        HP_TRY_STATUS(ops_.sync(root_fd_.get()));
    }
    // Deltas are of the state that was left behind. None may be there without the old base.
    HP_TRY(const std::vector<std::string> names, list_names(deltas_fd_.get(), SIZE_MAX));
    for (const std::string& name : names) {
        if (parse_delta_name(name)) {
            HP_TRY_STATUS(ops_.unlink(deltas_fd_.get(), name));
        }
    }
    HP_TRY_STATUS(ops_.sync(deltas_fd_.get()));
    HP_TRY_STATUS(save_checkpoint(ops_, root_fd_.get(), adopted));
    HP_TRY_STATUS(ops_.unlink(root_fd_.get(), marker_name));
    HP_TRY_STATUS(ops_.sync(root_fd_.get()));
    return ops_.remove_tree(root_fd_.get(), retired_name);
}

Status PlainStore::finish_cut_off_adoption() {
    const auto adopted = load_checkpoint(root_fd_.get(), marker_name);
    if (!adopted && adopted.err().code == Errc::not_found) {
        return ops_.remove_tree(root_fd_.get(), retired_name);
    }
    if (!adopted) {
        return fail(adopted.err());
    }
    log_.warning("the take-over of a synced state was cut off and is finished now",
                 {{"seq", adopted->seq}});
    return finish_adoption(*adopted);
}

} // namespace hp::state
