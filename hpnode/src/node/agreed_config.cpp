// SPDX-License-Identifier: Apache-2.0
#include "node/agreed_config.hpp"

#include "hp/base/limits.hpp"
#include "hp/crypto/blake3.hpp"
#include "hp/os/files.hpp"

namespace hp::node {

AgreedConfig::AgreedConfig(config::ContractDir dir, config::Config config, Log log)
    : dir_(std::move(dir)), config_(std::move(config)), log_(std::move(log)) {}

Status AgreedConfig::at_start(state::Store& store, const std::optional<Hash32>& head_config_hash) {
    const std::string ours = config::encode_patch(config_.contract.patch);
    const auto stored = store.patch_content();
    if (!stored && stored.err().code != Errc::not_found) {
        return fail(stored.err());
    }
    if (stored && equal(*stored, as_bytes(ours))) {
        return remember_common(as_bytes(ours));
    }
    const auto common = os::read_file(common_file(), Hash32::size);
    const bool edited = !common || !equal(*common, crypto::b3(as_bytes(ours)).view());
    if (!stored || edited) {
        if (stored) {
            log_.info("contract section of hp.cfg was edited; in force from the next ledger");
        }
        HP_TRY_STATUS(store.set_patch(as_bytes(ours)));
        return remember_common(as_bytes(ours));
    }
    // hp.cfg is as we left it, so patch.cfg is newer: agreed already, or by the next ledger.
    if (head_config_hash == store.roots().config) {
        return adopt(*stored);
    }
    pending(store.roots().config, *stored);
    return {};
}

void AgreedConfig::pending(const Hash32& hash, Bytes content) {
    pending_ = Pending{hash, std::move(content)};
}

Result<bool> AgreedConfig::decided(const Hash32& config_hash) {
    if (!pending_ || pending_->hash != config_hash) {
        return false;
    }
    const Bytes content = std::move(pending_->content);
    pending_.reset();
    const config::Patch before = config_.contract.patch;
    HP_TRY_STATUS(adopt(content));
    return !(config_.contract.patch == before);
}

Status AgreedConfig::adopt(ByteView content) {
    const config::DecodedPatch decoded = config::decode_patch(content);
    if (!decoded.problems.empty()) {
        log_.error("patch.cfg is invalid; the old configuration stays in force:\n" +
                   config::describe(decoded.problems));
        return {};
    }
    config_.contract.patch = decoded.patch;
    HP_TRY_STATUS(config::save(dir_, config_));
    // patch.cfg may be written differently from how we would write it; what counts here is what
    // hp.cfg will say at the next start.
    const std::string ours = config::encode_patch(config_.contract.patch);
    HP_TRY_STATUS(remember_common(as_bytes(ours)));
    log_.info("configuration changed by the contract",
              {{"version", decoded.patch.version}, {"unl", decoded.patch.unl.size()}});
    return {};
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
