// SPDX-License-Identifier: Apache-2.0
// Ledgers of a member that is further, on their way to one that is behind. Several are asked for at
// once and wait here until the ones before them are stored: one at a time would cost a round trip
// each, and whoever's round trip is longer than a round would never catch up. Only what was asked
// for is kept, from whom it was asked, so that nobody else can fill the memory or displace
// anything; nothing of it is believed before it is decided by its certificate. Pure; one owner.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "consensus/messages.hpp"

namespace hp::consensus {

class FetchedLedgers {
public:
    void clear() { *this = {}; }

    // What to ask for so that the ledgers up to `newest` follow on `stored`: the first gap. Empty
    // when there is none, or as many ledgers as may wait here are on their way or have come.
    std::optional<GetLedgers> missing(LedgerSeq stored, LedgerSeq newest) const;
    void asked(const PublicKey& from, const GetLedgers& what);
    // All that was asked for last has come.
    bool is_new(const GetLedgers& missing) const { return missing.seq > asked_through_; }
    // Who was asked last.
    const PublicKey& source() const { return source_; }

    // True when it was asked for, and is kept until the one before it is stored.
    bool keep(const PublicKey& from, const SharedCertifiedLedger& ledger);
    // Null when it is not here. What is older is dropped.
    SharedCertifiedLedger take(LedgerSeq seq);

    std::size_t size() const { return ledgers_.size(); }

private:
    std::map<LedgerSeq, SharedCertifiedLedger> ledgers_;
    std::size_t bytes_ = 0; // of their inputs
    PublicKey source_;
    std::set<PublicKey> asked_;   // since the last clear()
    LedgerSeq asked_through_ = 0; // last
    LedgerSeq kept_through_ = 0;  // whoever was asked for these may still answer
};

} // namespace hp::consensus
