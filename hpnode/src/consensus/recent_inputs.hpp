// SPDX-License-Identifier: Apache-2.0
// The replicated memory that makes replays impossible, as a set with a digest: for each user with
// an accepted input that has not expired, the highest nonce accepted and the latest expiry (the
// rule is NonceRecords'). The digest is part of every ledger, so that a node that received the set
// from another can check it. It is homomorphic (a sum of BLAKE3-expanded elements, "LtHash"): a
// ledger costs what changes, not what is remembered. Pure; one owner.
#pragma once

#include <array>

#include "hp/base/ids.hpp"

namespace hp::consensus {

struct RecentUser {
    PublicKey user;
    std::uint64_t last_nonce = 0;
    LedgerSeq expires = 0;
};

class SetDigest {
public:
    void add(const RecentUser& element);
    void remove(const RecentUser& element); // must have been added
    Hash32 hash() const;                    // zeros when nothing has ever been added

private:
    std::array<std::uint16_t, 1024> sum_{};
};

} // namespace hp::consensus
