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

void NonceRecords::settle(LedgerSeq seq, std::span<const proto::SharedInput> inputs) {
    const SetDigest after = set_after(seq, inputs);
    for (const proto::SharedInput& input : inputs) {
        accept(input->user, input->nonce, input->hash, input->max_ledger_seq);
    }
    expire(seq);
    set_ = after;
}

void NonceRecords::accept(const PublicKey& user, std::uint64_t nonce, const Hash32& hash,
                          LedgerSeq max_ledger_seq) {
    forget_digests();
    Record& record = records_[user];
    record.last_nonce = nonce;
    remember(record, nonce, hash);
    if (max_ledger_seq > record.expires) {
        record.expires = max_ledger_seq;
        by_expiry_[max_ledger_seq].push_back(user);
    }
}

void NonceRecords::remember(Record& record, std::uint64_t nonce, const Hash32& hash) {
    record.by_nonce[nonce] = hash;
    if (record.by_nonce.size() > limits::remembered_inputs_per_user_max) {
        record.by_nonce.erase(record.by_nonce.begin());
    }
}

void NonceRecords::restore(const RecentUser& user) {
    Record record;
    record.last_nonce = user.last_nonce;
    record.expires = user.expires;
    if (records_.emplace(user.user, std::move(record)).second) {
        by_expiry_[user.expires].push_back(user.user);
        forget_digests();
    }
}

void NonceRecords::remember(const PublicKey& user, std::uint64_t nonce, const Hash32& hash) {
    const auto found = records_.find(user);
    if (found != records_.end() && nonce <= found->second.last_nonce) {
        remember(found->second, nonce, hash);
    }
}

void NonceRecords::expire(LedgerSeq lcl) {
    forget_digests();
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

Hash32 NonceRecords::digest_after(LedgerSeq seq, std::span<const proto::SharedInput> inputs) const {
    return set_after(seq, inputs).hash();
}

void NonceRecords::forget_digests() {
    set_.reset();
    foreseen_.reset();
}

const SetDigest& NonceRecords::set() const {
    if (!set_) {
        set_.emplace();
        for (const auto& [user, record] : records_) {
            set_->add({user, record.last_nonce, record.expires});
        }
    }
    return *set_;
}

SetDigest NonceRecords::set_after(LedgerSeq seq, std::span<const proto::SharedInput> inputs) const {
    const auto same = [](const Hash32& hash, const proto::SharedInput& input) {
        return hash == input->hash;
    };
    if (foreseen_ && foreseen_->seq == seq &&
        std::equal(foreseen_->inputs.begin(), foreseen_->inputs.end(), inputs.begin(), inputs.end(),
                   same)) {
        return foreseen_->digest;
    }
    SetDigest digest = set();
    std::map<PublicKey, RecentUser> changed;
    for (const proto::SharedInput& input : inputs) {
        const auto [next, first] = changed.try_emplace(input->user, RecentUser{input->user, 0, 0});
        if (const auto known = records_.find(input->user); first && known != records_.end()) {
            next->second.expires = known->second.expires;
            digest.remove({input->user, known->second.last_nonce, known->second.expires});
        }
        next->second.last_nonce = input->nonce;
        next->second.expires = std::max(next->second.expires, input->max_ledger_seq);
    }
    for (const auto& [user, element] : changed) {
        if (element.expires > seq) {
            digest.add(element);
        }
    }
    for (const auto& [user, element] : expiring(seq)) {
        if (changed.count(user) == 0) {
            digest.remove(element);
        }
    }
    foreseen_ = Foreseen{seq, {}, digest};
    for (const proto::SharedInput& input : inputs) {
        foreseen_->inputs.push_back(input->hash);
    }
    return digest;
}

std::map<PublicKey, RecentUser> NonceRecords::expiring(LedgerSeq seq) const {
    std::map<PublicKey, RecentUser> out;
    for (auto entry = by_expiry_.begin(); entry != by_expiry_.end() && entry->first <= seq;
         ++entry) {
        for (const PublicKey& user : entry->second) {
            const auto record = records_.find(user);
            if (record != records_.end() && record->second.expires <= seq) {
                out[user] = {user, record->second.last_nonce, record->second.expires};
            }
        }
    }
    return out;
}

} // namespace hp::consensus
