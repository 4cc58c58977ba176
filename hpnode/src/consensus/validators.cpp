// SPDX-License-Identifier: Apache-2.0
#include "consensus/validators.hpp"

#include "hp/base/codec.hpp"
#include "hp/crypto/blake3.hpp"

namespace hp::consensus {

Validators::Validators(std::set<PublicKey> members, unsigned threshold_percent)
    : quorum_(consensus::quorum(members.size(), threshold_percent)) {
    for (const PublicKey& key : members) {
        active_on_.emplace(key, 0);
    }
}

void Validators::change(const std::set<PublicKey>& members, unsigned threshold_percent) {
    std::map<PublicKey, TimeMs> next;
    for (const PublicKey& key : members) {
        const auto known = active_on_.find(key);
        next.emplace(key, known == active_on_.end() ? 0 : known->second);
    }
    active_on_ = std::move(next);
    quorum_ = consensus::quorum(members.size(), threshold_percent);
}

void Validators::mark_active(const PublicKey& key, TimeMs ledger_time_ms) {
    if (const auto member = active_on_.find(key); member != active_on_.end()) {
        member->second = ledger_time_ms;
    }
}

Hash32 unl_hash(const std::vector<PublicKey>& members, std::size_t quorum) {
    Writer out;
    out.raw(as_bytes(std::string_view("hp2/unl\0", 8)));
    out.u32(static_cast<std::uint32_t>(quorum));
    for (const PublicKey& member : members) {
        out.fixed(member);
    }
    return crypto::b3(out.view());
}

} // namespace hp::consensus
