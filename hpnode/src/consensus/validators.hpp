// SPDX-License-Identifier: Apache-2.0
// The validator set of a height and its quorum (consensus.md 6.4.1). Pure; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "hp/base/ids.hpp"
#include "hp/base/time.hpp"

namespace hp::consensus {

// What the threshold asks for, safe or not: ceil(T*n/100).
constexpr std::size_t by_threshold(std::size_t members, unsigned threshold_percent) {
    return (threshold_percent * members + 99) / 100;
}

// q = max(ceil(T*n/100), floor(n/2)+1): a threshold of half or less is raised, so that two
// quorums always share a member.
constexpr std::size_t quorum(std::size_t members, unsigned threshold_percent) {
    const std::size_t asked_for = by_threshold(members, threshold_percent);
    const std::size_t majority = members / 2 + 1;
    return asked_for > majority ? asked_for : majority;
}

// What statements about a height are bound to beside the contract: who decides it, and how many of
// them it takes. `members` ascending.
Hash32 unl_hash(const std::vector<PublicKey>& members, std::size_t quorum);

class Validators {
public:
    Validators(std::set<PublicKey> members, unsigned threshold_percent);

    bool contains(const PublicKey& key) const { return active_on_.count(key) != 0; }
    std::size_t size() const { return active_on_.size(); }
    std::size_t quorum() const { return quorum_; }

    // Replaces the set; members that stay keep their activity, new ones start at 0.
    void change(const std::set<PublicKey>& members, unsigned threshold_percent);

    // The member took part in the ledger with this timestamp.
    void mark_active(const PublicKey& key, TimeMs ledger_time_ms);

    // Timestamp of the last ledger each member took part in, 0 = none since start: what contracts
    // see as active_on. Agreed, unlike a local receive time (consensus.md 6.4.6).
    const std::map<PublicKey, TimeMs>& active_on() const { return active_on_; }

private:
    std::map<PublicKey, TimeMs> active_on_;
    std::size_t quorum_;
};

} // namespace hp::consensus
