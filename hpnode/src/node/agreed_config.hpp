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
#include <string>

#include "hp/base/log.hpp"
#include "hp/config/contract_dir.hpp"
#include "state/store.hpp"

namespace hp::node {

// What the newest ledger agreed on.
struct AgreedHash {
    LedgerSeq seq = 0;
    Hash32 config;
};

// An agreed patch.cfg that is in force nowhere, because it cannot be used.
struct RejectedPatch {
    LedgerSeq seq = 0;     // of the ledger that agreed on it
    std::string problem;   // the first one
    std::size_t count = 0; // of problems
};

class AgreedConfig {
public:
    AgreedConfig(config::ContractDir dir, config::Config config, Log log);

    const config::Config& config() const { return config_; }

    // Brings hp.cfg and the store's patch.cfg together. `head` is empty at genesis, `in_force` the
    // patch.cfg that it names, if known. A change by the contract wins over an unedited hp.cfg. An
    // operator's edit counts at once where nobody else has to agree, or where the operator says so
    // (impose()); else the configuration of the ledgers stays in force until one brings the edit.
    Status at_start(state::Store& store, const std::optional<AgreedHash>& head,
                    const std::optional<Bytes>& in_force);

    // What patch.cfg has to be in this run, so that the others can agree to the operator's edit.
    // Called for a run that the others do at the same time, or it could never be theirs.
    std::optional<Bytes> propose_edit(LedgerSeq run);

    // For a stopped node: the edit of hp.cfg counts from its next start, without a ledger.
    static Status impose(const config::ContractDir& dir);

    // The contract changed patch.cfg: `content` with this hash awaits agreement.
    void pending(const Hash32& hash, Bytes content);

    // A ledger is decided. An invalid patch.cfg is logged and ignored: content may be agreed on
    // without being usable.
    enum class Outcome : std::uint8_t {
        unchanged,
        changed, // a new configuration is in force now
        unknown, // what was agreed on is not here: make it pending() and call again
    };
    Result<Outcome> decided(const AgreedHash& ledger);

    // The patch.cfg in force, as ledgers name it.
    const Hash32& hash_in_force() const { return hash_in_force_; }

    // Set while the patch.cfg agreed on is not the one in force.
    const std::optional<RejectedPatch>& rejected() const { return rejected_; }

private:
    Status adopt(ByteView content, LedgerSeq seq);
    Status settle_at_start(state::Store& store, const std::optional<AgreedHash>& head,
                           const std::optional<Bytes>& in_force, ByteView ours);
    bool wait_for_agreement(const AgreedHash& head, ByteView in_force, ByteView ours);
    Status drop_refused_edit(LedgerSeq decided);
    Status write_to_hp_cfg();
    std::filesystem::path common_file() const { return dir_.contract_fs() / "patch.common"; }
    static std::filesystem::path imposed_file(const config::ContractDir& dir) {
        return dir.contract_fs() / "patch.imposed";
    }
    Status remember_common(ByteView patch);

    struct Pending {
        Hash32 hash;
        Bytes content;
    };
    struct Edit { // of hp.cfg, by the operator
        Hash32 hash;
        Bytes content;
        LedgerSeq proposed = 0; // with the run of this ledger; 0: not yet
    };
    config::ContractDir dir_;
    config::Config config_;
    Log log_;
    std::optional<Edit> edit_;
    std::optional<Pending> pending_;
    Hash32 hash_in_force_;
    std::optional<RejectedPatch> rejected_;
};

} // namespace hp::node
