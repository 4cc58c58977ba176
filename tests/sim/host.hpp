// SPDX-License-Identifier: Apache-2.0
// One simulated node: what its disk holds, what a crash takes away, and the production engine.
// Owned by the World.
#pragma once

#include <map>
#include <memory>

#include "consensus/engine.hpp"
#include "hp/crypto/blake3.hpp"

namespace hp::sim {

constexpr PublicKey make_key(std::uint8_t kind, std::size_t number) {
    PublicKey key;
    key.data[0] = key_prefix;
    key.data[1] = kind;
    key.data[32] = static_cast<std::uint8_t>(number);
    return key;
}
constexpr PublicKey node_key(std::size_t number) {
    return make_key(1, number);
}
constexpr PublicKey user_key(std::size_t number) {
    return make_key(2, number);
}

// Cheap and unforgeable enough: the simulation's liars only sign as themselves.
class FakeSigner final : public consensus::Signer {
public:
    explicit FakeSigner(const PublicKey& key) : key_(key) {}
    Signature sign(ByteView bytes) const override {
        const Hash32 hash = crypto::b3({key_.view(), bytes});
        Signature out;
        std::copy(hash.data.begin(), hash.data.end(), out.data.begin());
        return out;
    }

private:
    PublicKey key_;
};

struct Host {
    Host(std::size_t host_index, std::size_t member_index, const PublicKey& public_key, bool liar)
        : index(host_index), member(member_index), key(public_key), byzantine(liar),
          signer(public_key) {}

    const std::size_t index;
    const std::size_t member;
    const PublicKey key;
    const bool byzantine;
    const FakeSigner signer;
    std::int64_t clock_offset_ms = 0;

    // --- on disk ---
    struct StoredLedger {
        proto::SharedLedger ledger;
        consensus::SharedCertifiedLedger certified;
    };
    std::map<LedgerSeq, StoredLedger> ledgers;
    std::vector<consensus::LogRecord> log;
    proto::SharedResult state; // what the contract's state is the result of
    Hash32 state_hash;
    std::uint64_t starts = 0;

    // --- lost in a crash ---
    std::uint64_t life = 1;                    // counts up with every crash
    std::unique_ptr<consensus::Engine> engine; // null: down
    std::int64_t disk_free_us = 0;
    struct Write { // on its way to the disk
        std::uint64_t number = 0;
        std::function<void()> durable;
    };
    std::vector<Write> writes;
    std::uint64_t writes_count = 0;
    std::int64_t wake_us = 0;
    std::vector<bool> hears; // which members a twin hears and is heard by
    bool feeding = false;
    std::vector<consensus::Event> waiting;
    consensus::ResultClaim sync_target;
    proto::VoteStatus status = proto::VoteStatus::unknown;
};

} // namespace hp::sim
