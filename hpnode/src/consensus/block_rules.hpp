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
};

// Cites all `opens` (newest version of each member, ascending by member), takes the candidates of
// `pool` that are in them or held by this member, up to the limits.
SharedBlock assemble_block(const BlockContext& context, std::span<const SharedOpen> opens,
                           const InputPool& pool, ResultDecision result);

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

MissingParts missing_parts(const BlockContext& context, const Block& block,
                           const BlockParts& parts);

// All parts present. An error says which rule the block breaks; a broken block is never voted for.
Status check_block(const BlockContext& context, const Block& block, const BlockParts& parts,
                   std::span<const SignedResult> own_results);

// Its digests and hashes are those of its content. Says nothing about whether it is valid.
bool is_consistent(const Block& block);

// Order of leaders for the height after `parent` (6.4.4): the members its block cited, by
// B3(parent id, key); all members when none of those is left.
std::vector<PublicKey> leader_order(const LedgerId& parent,
                                    const std::vector<OpenRef>& parent_opens,
                                    const std::vector<PublicKey>& members);

} // namespace hp::consensus
