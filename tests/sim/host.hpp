// SPDX-License-Identifier: Apache-2.0
// One simulated node: what its disk holds, what a crash takes away, and the production engine.
// Owned by the World.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "consensus/engine.hpp"
#include "disk.hpp"
#include "random.hpp"

namespace hp::sim {

struct Host {
    Host(std::size_t host_index, std::size_t member_index, const PublicKey& member_key,
         std::unique_ptr<const consensus::Signer> key_owner, std::string host_name, bool liar,
         Random chance)
        : index(host_index), member(member_index), key(member_key), name(std::move(host_name)),
          byzantine(liar), signer(std::move(key_owner)), random(chance), disk(random.next()) {}

    const std::size_t index;
    const std::size_t member;
    const PublicKey key;
    const std::string name; // "3"; "0a" and "0b" for the twins of a Byzantine member
    const bool byzantine;
    const std::unique_ptr<const consensus::Signer> signer;
    Random random; // of its disk and its contract
    std::int64_t clock_offset_ms = 0;
    std::int64_t clock_since_us = 0;
    std::int64_t drift_ppm = 0;
    std::int64_t differs_percent = 0;
    std::uint64_t starts = 0;
    std::int64_t disk_ms = 0; // what a write takes on top
    bool disk_full = false;

    // --- on disk ---
    struct StoredLedger {
        proto::SharedLedger ledger;
        consensus::SharedCertifiedLedger certified;
    };
    std::map<LedgerSeq, StoredLedger> ledgers;
    // Ledgers that it went on from without those before, and the recent inputs there.
    std::map<LedgerSeq, consensus::NonceRecords> joined;
    Disk disk;                 // the vote log
    proto::SharedResult state; // what the contract's state is the result of
    struct Backup {            // of the rest; the vote log's is the disk's
        LedgerSeq head = 0;
        proto::SharedResult state;
    };
    std::optional<Backup> backup;
    std::int64_t boots_from_us = 0;

    // --- lost in a crash ---
    std::uint64_t life = 1;                    // counts up with every crash
    std::unique_ptr<consensus::Engine> engine; // null: down
    std::int64_t disk_free_us = 0;
    struct Write {                     // on its way to the disk
        std::function<bool()> durable; // false: the disk has failed
        std::function<void()> torn;    // the node dies before it is done; may be empty
        std::function<void()> done;
        bool waits = false; // for space
    };
    std::vector<Write> writes;
    std::int64_t wake_us = 0;
    std::int64_t asks_from_us = 0; // strangers for ledgers
    struct Early { // a message that may be signed for members this node does not know yet
        std::size_t from = 0;
        std::shared_ptr<const consensus::Message> message;
    };
    std::vector<Early> early;
    bool feeding = false;
    std::vector<consensus::Event> waiting;
    consensus::ResultClaim sync_target;
    proto::VoteStatus status = proto::VoteStatus::unknown;
};

} // namespace hp::sim
