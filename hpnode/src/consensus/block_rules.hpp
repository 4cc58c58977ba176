// SPDX-License-Identifier: Apache-2.0
// Making and checking blocks (consensus.md 6.4.7). A leader assembles, every member checks before
// it votes, with the same rules. Pure functions over what a member holds; any thread.
#pragma once

#include <map>

#include "consensus/input_pool.hpp"
#include "consensus/params.hpp"
#include "consensus/recent_inputs.hpp"
#include "consensus/result_rule.hpp"

namespace hp::consensus {

// What a member knows about the height when it assembles or checks.
struct BlockContext {
    const Params* params = nullptr;
    std::vector<PublicKey> members; // of this height, ascending
    std::size_t quorum = 0;
    LedgerId prev;
    TimeMs prev_time_ms = 0;
    ResultContext result;
    const NonceRecords* nonces = nullptr; // as of `prev`
    LiftedGuards lifted;
};

// Parts that checking needs and this member lacks; fetch them, then check.
struct MissingParts {
    std::vector<OpenRef> opens;
    std::vector<Hash32> inputs;
    bool none() const { return opens.empty() && inputs.empty(); }
};

class BlockParts { // what a member holds, by digest
public:
    virtual ~BlockParts() = default;
    virtual SharedOpen open(const OpenRef& ref) const = 0;
    virtual proto::SharedInput input(const Hash32& hash) const = 0; // signature verified
};

// Cites all `opens` (newest version of each member, ascending by member), takes the candidates of
// `pool` up to the limits, and what enough of the opens list: missing_for_assembly() is empty.
SharedBlock assemble_block(const BlockContext& context, std::span<const SharedOpen> opens,
                           const InputPool& pool, const BlockParts& parts, ResultDecision result);

// Inputs that a block citing these opens must have, as far as this member lacks their bodies.
std::vector<Hash32> missing_for_assembly(const BlockContext& context,
                                         std::span<const SharedOpen> opens,
                                         const BlockParts& parts);

MissingParts missing_parts(const BlockContext& context, const Block& block,
                           const BlockParts& parts);

// All parts present. An error says which rule the block breaks; a broken block is never voted for.
Status check_block(const BlockContext& context, const Block& block, const BlockParts& parts,
                   std::span<const SignedResult> own_results);

// Order of leaders for the height after `parent` (6.4.4): the members its block cited, by
// B3(parent id, key); all members when none of those is left.
std::vector<PublicKey> leader_order(const LedgerId& parent,
                                    const std::vector<OpenRef>& parent_opens,
                                    const std::vector<PublicKey>& members);

} // namespace hp::consensus
