// SPDX-License-Identifier: Apache-2.0
// The configuration in force, and its agreed part: patch.cfg travels with the contract's state, is
// hashed into every ledger, and what a ledger agreed on replaces the contract section of hp.cfg
// (contract-protocol.md section 5). Which side wins at start-up is decided by one remembered hash:
// the patch that hp.cfg and the chain last had in common.
//
// Reactor thread only after at_start(). The Config object lives here and is read by others.
#pragma once

#include <filesystem>
#include <optional>

#include "hp/base/log.hpp"
#include "hp/config/contract_dir.hpp"
#include "state/store.hpp"

namespace hp::node {

class AgreedConfig {
public:
    AgreedConfig(config::ContractDir dir, config::Config config, Log log);

    const config::Config& config() const { return config_; }

    // Brings hp.cfg and the store's patch.cfg together. `head_config_hash` is what the newest
    // ledger agreed on, empty at genesis. An operator's edit of hp.cfg wins over an older agreement
    // and is in force from the next ledger on; a change by the contract wins over an unedited
    // hp.cfg.
    Status at_start(state::Store& store, const std::optional<Hash32>& head_config_hash);

    // The contract changed patch.cfg: `content` with this hash awaits agreement.
    void pending(const Hash32& hash, Bytes content);

    // A ledger with this config hash is decided. True when a new configuration is in force now.
    // An invalid patch.cfg is logged and ignored: content may be agreed on without being usable.
    Result<bool> decided(const Hash32& config_hash);

private:
    Status adopt(ByteView content);
    std::filesystem::path common_file() const { return dir_.contract_fs() / "patch.common"; }
    Status remember_common(ByteView patch);

    struct Pending {
        Hash32 hash;
        Bytes content;
    };
    config::ContractDir dir_;
    config::Config config_;
    Log log_;
    std::optional<Pending> pending_;
};

} // namespace hp::node
