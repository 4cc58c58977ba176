// SPDX-License-Identifier: Apache-2.0
#include "node/agreed_config.hpp"

#include "hp/base/limits.hpp"
#include "hp/crypto/blake3.hpp"
#include "hp/os/files.hpp"
#include "state/tree_hash.hpp"

namespace hp::node {

AgreedConfig::AgreedConfig(config::ContractDir dir, config::Config config, Log log)
    : dir_(std::move(dir)), config_(std::move(config)), log_(std::move(log)) {}

Status AgreedConfig::at_start(state::Store& store, const std::optional<AgreedHash>& head,
                              const std::optional<Bytes>& in_force) {
    const std::string ours = config::encode_patch(config_.contract.patch);
    HP_TRY_STATUS(settle_at_start(store, head, in_force, as_bytes(ours)));
    hash_in_force_ = edit_      ? head->config
                     : pending_ ? state::hash_file_content(false, as_bytes(ours))
                                : store.roots().config;
    std::error_code ignored; // it counts for this very content only
    std::filesystem::remove(imposed_file(dir_), ignored);
    return {};
}

Status AgreedConfig::impose(const config::ContractDir& dir) {
    HP_TRY(const config::LoadedConfig loaded, config::load(dir));
    const std::string ours = config::encode_patch(loaded.config.contract.patch);
    return os::replace_file(imposed_file(dir), crypto::b3(as_bytes(ours)).view(), 0644);
}

// False: `in_force` cannot be, or nobody else has to agree.
bool AgreedConfig::wait_for_agreement(const AgreedHash& head, ByteView in_force, ByteView ours) {
    const config::DecodedPatch before = config::decode_patch(in_force);
    const auto imposed = os::read_file(imposed_file(dir_), Hash32::size);
    if (!before.problems.empty() || before.patch.unl.size() <= 1 ||
        (imposed && equal(*imposed, crypto::b3(ours).view()))) {
        return false;
    }
    edit_ = Edit{state::hash_file_content(false, ours), Bytes(ours.begin(), ours.end())};
    config_.contract.patch = before.patch;
    log_.info("contract section of hp.cfg was edited: it is proposed to the other members, and in "
              "force when a ledger has agreed on it. Where none can close any more, stop all nodes "
              "and see `hpnode impose`",
              {{"ledger", head.seq}});
    return true;
}

std::optional<Bytes> AgreedConfig::propose_edit(LedgerSeq run) {
    if (!edit_ || edit_->proposed != 0) {
        return std::nullopt;
    }
    edit_->proposed = run;
    return edit_->content;
}

Status AgreedConfig::settle_at_start(state::Store& store, const std::optional<AgreedHash>& head,
                                     const std::optional<Bytes>& in_force, ByteView ours) {
    const auto stored = store.patch_content();
    if (!stored && stored.err().code != Errc::not_found) {
        return fail(stored.err());
    }
    if (stored && equal(*stored, ours)) {
        return remember_common(ours);
    }
    const auto common = os::read_file(common_file(), Hash32::size);
    const bool edited = !common || !equal(*common, crypto::b3(ours).view());
    if (stored && edited && head && in_force && wait_for_agreement(*head, *in_force, ours)) {
        if (head->config != store.roots().config) {
            pending(store.roots().config, *stored); // the contract's, agreed on by the next ledger
        }
        return {};
    }
    if (!stored || edited) {
        if (stored) {
            log_.info("contract section of hp.cfg was edited; in force from the next ledger");
        }
        HP_TRY_STATUS(store.set_patch(ours));
        return remember_common(ours);
    }
    // hp.cfg is as we left it, so patch.cfg is newer: agreed already, or by the next ledger.
    if (head && head->config == store.roots().config) {
        return adopt(*stored, head->seq);
    }
    pending(store.roots().config, *stored);
    return {};
}

void AgreedConfig::pending(const Hash32& hash, Bytes content) {
    pending_ = Pending{hash, std::move(content)};
}

Result<AgreedConfig::Outcome> AgreedConfig::decided(const AgreedHash& ledger) {
    if (edit_ && edit_->hash == ledger.config) { // whether this node had a part in it or not
        pending(edit_->hash, std::move(edit_->content));
        edit_.reset();
    }
    HP_TRY_STATUS(drop_refused_edit(ledger.seq));
    if (!pending_ || pending_->hash != ledger.config) {
        return ledger.config == hash_in_force_ ? Outcome::unchanged : Outcome::unknown;
    }
    const Bytes content = std::move(pending_->content);
    pending_.reset();
    const config::Patch before = config_.contract.patch;
    HP_TRY_STATUS(adopt(content, ledger.seq));
    hash_in_force_ = ledger.config;
    return config_.contract.patch == before ? Outcome::unchanged : Outcome::changed;
}

// What came of the run was told to the others before the next ledger, if at all.
Status AgreedConfig::drop_refused_edit(LedgerSeq decided) {
    if (!edit_ || edit_->proposed == 0 || decided <= edit_->proposed) {
        return {};
    }
    edit_.reset();
    log_.warning("the other members did not agree to the edited contract section of hp.cfg, which "
                 "is put back: stop all nodes, edit all alike, and start them",
                 {{"ledger", decided}});
    return write_to_hp_cfg();
}

Status AgreedConfig::adopt(ByteView content, LedgerSeq seq) {
    const config::DecodedPatch decoded = config::decode_patch(content);
    if (!decoded.problems.empty()) {
        const std::vector<config::Problem> first(decoded.problems.begin(),
                                                 decoded.problems.begin() + 1);
        rejected_ = RejectedPatch{seq, config::describe(first), decoded.problems.size()};
        log_.error("patch.cfg is invalid; the old configuration stays in force:\n" +
                       config::describe(decoded.problems),
                   {{"ledger", seq}});
        return {};
    }
    rejected_.reset();
    if (edit_) {
        edit_.reset();
        log_.warning("the edited contract section of hp.cfg is dropped: another configuration was "
                     "agreed on before it could be proposed",
                     {{"ledger", seq}});
    }
    config_.contract.patch = decoded.patch;
    HP_TRY_STATUS(write_to_hp_cfg());
    log_.info(
        "configuration changed by the contract",
        {{"ledger", seq}, {"version", decoded.patch.version}, {"unl", decoded.patch.unl.size()}});
    return {};
}

// Only the agreed part: the other fields are the operator's, who may be editing them.
Status AgreedConfig::write_to_hp_cfg() {
    const auto written = config::update(dir_, config_, [this](config::Config& stored) {
        stored.contract.patch = config_.contract.patch;
    });
    const bool disk_failed =
        !written && (written.err().code == Errc::io || written.err().code == Errc::no_space);
    if (!written && !disk_failed) {
        // The next start finds the newer patch.cfg beside the older hp.cfg and comes here again.
        log_.error("hp.cfg could not be updated; what the contract changed is in force and will be "
                   "written at the next start",
                   {{"why", written.err().context}});
        return {};
    }
    HP_TRY_STATUS(written);
    // patch.cfg may be written differently from how we would write it; what counts here is what
    // hp.cfg will say at the next start.
    return remember_common(as_bytes(config::encode_patch(config_.contract.patch)));
}

Status AgreedConfig::remember_common(ByteView patch) {
    const Hash32 hash = crypto::b3(patch);
    const auto known = os::read_file(common_file(), Hash32::size);
    if (known && equal(*known, hash.view())) {
        return {};
    }
    return os::replace_file(common_file(), hash.view(), 0644);
}

} // namespace hp::node
