// SPDX-License-Identifier: Apache-2.0
#include "consensus/nonce_records.hpp"

#include <algorithm>

#include "hp/base/limits.hpp"

namespace hp::consensus {

std::optional<proto::RejectReason> NonceRecords::check(const proto::SignedInput& input,
                                                       LedgerSeq lcl) const {
    const auto found = records_.find(input.user);
    if (found == records_.end()) {
        return records_.size() < limits::nonce_records_max
                   ? std::nullopt
                   : std::optional(proto::RejectReason::round_inputs_overflow);
    }
    const Record& record = found->second;
    if (record.expires <= lcl || input.nonce > record.last_nonce) {
        return std::nullopt;
    }
    const auto same = record.by_nonce.find(input.nonce);
    return same != record.by_nonce.end() && same->second == input.hash
               ? proto::RejectReason::already_submitted
               : proto::RejectReason::nonce_expired;
}

void NonceRecords::accept(const PublicKey& user, std::uint64_t nonce, const Hash32& hash,
                          LedgerSeq max_ledger_seq) {
    Record& record = records_[user];
    record.last_nonce = nonce;
    record.by_nonce[nonce] = hash;
    if (record.by_nonce.size() > limits::remembered_inputs_per_user_max) {
        record.by_nonce.erase(record.by_nonce.begin());
    }
    if (max_ledger_seq > record.expires) {
        record.expires = max_ledger_seq;
        by_expiry_[max_ledger_seq].push_back(user);
    }
}

void NonceRecords::expire(LedgerSeq lcl) {
    while (!by_expiry_.empty() && by_expiry_.begin()->first <= lcl) {
        for (const PublicKey& user : by_expiry_.begin()->second) {
            const auto record = records_.find(user);
            if (record != records_.end() && record->second.expires <= lcl) {
                records_.erase(record);
            }
        }
        by_expiry_.erase(by_expiry_.begin());
    }
}

} // namespace hp::consensus
