// SPDX-License-Identifier: Apache-2.0
// What the engine is told from configuration, and its own constants. Integer arithmetic only.
#pragma once

#include <cstdint>
#include <set>

#include "hp/base/ids.hpp"

namespace hp::consensus {

struct Params {
    std::int64_t roundtime_ms = 1000;
    bool eager = true; // close early when inputs wait (6.4.5)
    unsigned threshold_percent = 80;
    std::set<PublicKey> unl;
    std::uint16_t max_input_ledger_offset = 10; // 0 = no limit
    std::uint64_t user_input_bytes = 0;         // per user and round, 0 = no limit
};

// Who this node is and what nobody else can guess.
struct Identity {
    PublicKey self;
    bool validator = true; // false: observer, never votes
    Hash32 nonce_secret;   // random at start; source of this node's share of group nonces
};

namespace params {

// An eager ledger waits this long after the first input for others that are on their way: a client
// that sends several in a row then gets them into one ledger, in nonce order.
inline constexpr std::int64_t eager_gather_us = 2000;

// Eager credits when there is no ledger offset limit to protect.
inline constexpr std::int64_t eager_credits_without_offset = 5;

} // namespace params

} // namespace hp::consensus
