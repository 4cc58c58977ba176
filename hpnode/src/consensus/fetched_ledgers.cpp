// SPDX-License-Identifier: Apache-2.0
#include "consensus/fetched_ledgers.hpp"

#include <algorithm>

#include "consensus/params.hpp"

namespace hp::consensus {

std::optional<GetLedgers> FetchedLedgers::missing(LedgerSeq stored, LedgerSeq newest) const {
    const LedgerSeq last = std::min(newest, stored + params::ledgers_per_answer_max);
    LedgerSeq first = stored + 1;
    auto known = ledgers_.lower_bound(first);
    for (; known != ledgers_.end() && known->first == first; ++known) {
        ++first;
    }
    if (first > last) {
        return std::nullopt;
    }
    const LedgerSeq end = known == ledgers_.end() ? last + 1 : std::min(known->first, last + 1);
    return GetLedgers{first, static_cast<std::uint32_t>(end - first)};
}

void FetchedLedgers::asked(const PublicKey& from, const GetLedgers& what) {
    source_ = from;
    asked_.insert(from);
    asked_through_ = what.seq + what.count - 1;
    kept_through_ = std::max(kept_through_, asked_through_);
}

bool FetchedLedgers::keep(const PublicKey& from, const SharedCertifiedLedger& ledger) {
    const LedgerSeq seq = ledger->block->header.seq;
    if (asked_.count(from) == 0 || seq > kept_through_) {
        return false;
    }
    const std::size_t bytes = container_bytes(ledger->inputs);
    if (bytes_ + bytes > params::fetched_bytes_max || !ledgers_.try_emplace(seq, ledger).second) {
        return false;
    }
    bytes_ += bytes;
    return true;
}

SharedCertifiedLedger FetchedLedgers::take(LedgerSeq seq) {
    SharedCertifiedLedger found;
    while (!ledgers_.empty() && ledgers_.begin()->first <= seq) {
        if (ledgers_.begin()->first == seq) {
            found = ledgers_.begin()->second;
        }
        bytes_ -= container_bytes(ledgers_.begin()->second->inputs);
        ledgers_.erase(ledgers_.begin());
    }
    return found;
}

} // namespace hp::consensus
