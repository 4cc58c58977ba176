// SPDX-License-Identifier: Apache-2.0
// Blocks that break one rule and keep all others: what faulty leaders propose. Pure functions over
// what the faulty members together know; one owner.
#pragma once

#include <functional>

#include "block_oracle.hpp"
#include "lies.hpp"

namespace hp::sim {

struct ForgeryContext {
    const BlockOracle* oracle = nullptr;
    const Keyring* keyring = nullptr;
    proto::LedgerHeader prev;
    const consensus::Params* params = nullptr;
    std::size_t quorum = 0;
    std::size_t chance = 0; // which one, where there is a choice
    // A statement about a result, signed with a key of the liars' making.
    std::function<consensus::SignedResult(std::size_t key, const consensus::ResultClaim&)> claim;
};

// The honest block with one thing wrong; null when this cannot be done to this block.
consensus::SharedBlock forge(Lie lie, const consensus::Block& honest,
                             const ForgeryContext& context);

} // namespace hp::sim
