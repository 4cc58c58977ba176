// SPDX-License-Identifier: Apache-2.0
// What makes replays impossible: per user the highest nonce accepted, kept until the latest expiry
// of any input accepted from that user has passed. An accepted input can then never be accepted
// again: while the record lives its nonce is too low, and once the record is gone the input's own
// max_ledger_seq_no is over (user-protocol.md 8.5 and 18, C5). Derived from the ledgers alone, so
// it is the same on every node and after every restart. Pure; one owner.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "consensus/recent_inputs.hpp"
#include "hp/proto/ledger.hpp"

namespace hp::consensus {

class NonceRecords {
public:
    // Why `input` may not enter a ledger after `lcl`, or empty.
    std::optional<proto::RejectReason> check(const proto::SignedInput& input, LedgerSeq lcl) const;

    // Ledger `seq` with these inputs (in execution order) is decided: accept() of each, then
    // expire(). Costs little after digest_after() of the same.
    void settle(LedgerSeq seq, std::span<const proto::SharedInput> inputs);

    // The input is in a decided ledger.
    void accept(const PublicKey& user, std::uint64_t nonce, const Hash32& hash,
                LedgerSeq max_ledger_seq);

    // Ledger `lcl` is decided: forgets users whose inputs have all expired.
    void expire(LedgerSeq lcl);

    // At start-up: what was known of a user, then which of their inputs are remembered.
    void restore(const RecentUser& user);
    void remember(const PublicKey& user, std::uint64_t nonce, const Hash32& hash);

    std::size_t size() const { return records_.size(); }

    // Digest of what the records say, and of what they will say once ledger `seq` with these inputs
    // (in execution order) is accepted and expired.
    Hash32 digest() const { return set().hash(); }
    Hash32 digest_after(LedgerSeq seq, std::span<const proto::SharedInput> inputs) const;

private:
    struct Record {
        std::uint64_t last_nonce = 0;
        LedgerSeq expires = 0;                    // highest max_ledger_seq_no accepted
        std::map<std::uint64_t, Hash32> by_nonce; // to tell already_submitted from nonce_expired
    };
    SetDigest set_after(LedgerSeq seq, std::span<const proto::SharedInput> inputs) const;
    const SetDigest& set() const;
    void forget_digests();
    static void remember(Record& record, std::uint64_t nonce, const Hash32& hash);
    std::map<PublicKey, RecentUser> expiring(LedgerSeq seq) const; // those gone after `seq`

    std::map<PublicKey, Record> records_;
    mutable std::optional<SetDigest> set_; // of records_; found when it is asked for
    // What digest_after() found last: leaders, checks and the decision ask for the same, and each
    // element of the set takes a while to expand.
    struct Foreseen {
        LedgerSeq seq = 0;
        std::vector<Hash32> inputs;
        SetDigest digest;
    };
    mutable std::optional<Foreseen> foreseen_;
    std::map<LedgerSeq, std::vector<PublicKey>> by_expiry_; // may hold outdated entries
};

} // namespace hp::consensus
