// SPDX-License-Identifier: Apache-2.0
#include "consensus/block_rules.hpp"

#include <algorithm>
#include <set>

#include "hp/base/check.hpp"
#include "hp/base/limits.hpp"
#include "hp/crypto/blake3.hpp"

namespace hp::consensus {
namespace {

using proto::SharedInput;

constexpr std::string_view nonce_tag{"hp2/nonce\0", 10};

auto execution_order(const SharedInput& input) {
    return std::tie(input->user, input->nonce, input->hash);
}

// Lower median: with more than half of the clocks honest it lies between two honest ones.
TimeMs block_time(TimeMs prev_time_ms, std::span<const SharedOpen> opens) {
    std::vector<TimeMs> clocks;
    for (const SharedOpen& open : opens) {
        clocks.push_back(open->clock_ms);
    }
    const auto middle = clocks.begin() + static_cast<std::ptrdiff_t>((clocks.size() - 1) / 2);
    std::nth_element(clocks.begin(), middle, clocks.end());
    return std::max(prev_time_ms + 1, *middle);
}

Hash32 group_nonce(std::span<const SharedOpen> opens) {
    crypto::Blake3 hasher;
    hasher.update(as_bytes(nonce_tag));
    for (const SharedOpen& open : opens) {
        hasher.update(open->nonce.view());
    }
    return hasher.finish();
}

std::vector<PublicKey> block_users(std::span<const SharedOpen> opens,
                                   std::span<const SharedInput> inputs) {
    std::vector<PublicKey> users;
    for (const SharedOpen& open : opens) {
        users.insert(users.end(), open->users.begin(), open->users.end());
    }
    for (const SharedInput& input : inputs) {
        users.push_back(input->user);
    }
    std::sort(users.begin(), users.end());
    users.erase(std::unique(users.begin(), users.end()), users.end());
    return users;
}

struct Listed {
    const Hash32* hash = nullptr;
    std::size_t members = 0;
};

// Adds a member's list. Both ascend.
std::vector<Listed> merge(const std::vector<Listed>& known, const std::vector<Hash32>& list) {
    std::vector<Listed> out;
    out.reserve(known.size() + list.size());
    auto next = known.begin();
    for (const Hash32& hash : list) {
        auto order = std::strong_ordering::greater;
        for (; next != known.end() && (order = *next->hash <=> hash) < 0; ++next) {
            out.push_back(*next);
        }
        if (next != known.end() && order == 0) {
            out.push_back({&hash, next->members + 1});
            ++next;
        } else {
            out.push_back({&hash, 1});
        }
    }
    out.insert(out.end(), next, known.end());
    return out;
}

// Held by at least one honest member, whoever the others are: a leader may not pass it over.
// Ascending. The lists are as many as members and as long as ledgers, so they are merged as they
// are: counting in a tree took longer than everything else about a block.
std::vector<Hash32> required_inputs(const BlockContext& context,
                                    std::span<const SharedOpen> opens) {
    const std::size_t needed = context.members.size() - context.quorum + 1;
    std::vector<Listed> listed;
    for (const SharedOpen& open : opens) {
        if (!open->inputs.empty()) {
            listed = merge(listed, open->inputs);
        }
    }
    std::vector<Hash32> out;
    for (const Listed& input : listed) {
        if (input.members >= needed) {
            out.push_back(*input.hash);
        }
    }
    return out;
}

// Of `required`, which ascends, what is not among `inputs`.
std::vector<Hash32> passed_over(const std::vector<Hash32>& required, std::vector<Hash32> inputs) {
    std::sort(inputs.begin(), inputs.end());
    std::vector<Hash32> out;
    std::set_difference(required.begin(), required.end(), inputs.begin(), inputs.end(),
                        std::back_inserter(out));
    return out;
}

std::vector<Hash32> hashes_of(std::span<const SharedInput> inputs) {
    std::vector<Hash32> out;
    for (const SharedInput& input : inputs) {
        out.push_back(input->hash);
    }
    return out;
}

// Everything about a block that follows from what it cites: leaders make it, members compare.
void fill(const BlockContext& context, std::span<const SharedOpen> opens,
          std::span<const SharedInput> inputs, const ResultClaim& claim, Block& block) {
    block.nonce = group_nonce(opens);
    block.users = block_users(opens, inputs);
    block.inputs = hashes_of(inputs);
    proto::LedgerHeader& header = block.header;
    header.seq = context.prev.seq + 1;
    header.timestamp_ms = block_time(context.prev_time_ms, opens);
    header.prev_hash = context.prev.hash;
    header.state_hash = claim.state_hash;
    header.config_hash = claim.config_hash;
    header.output_hash = claim.output_root;
    header.user_hash = proto::user_list_hash(block.users);
    header.input_hash = proto::input_list_hash({inputs.begin(), inputs.end()});
    block.recent_hash = context.nonces->digest_after(header.seq, inputs);
    header.hash = proto::ledger_hash(header, block.nonce, block.recent_hash);
    block.rest_digest = block_rest_digest(block);
    block.digest = block_digest(header.hash, block.rest_digest);
}

bool is_member(const BlockContext& context, const PublicKey& key) {
    return std::binary_search(context.members.begin(), context.members.end(), key);
}

Status broken(std::string_view rule) {
    return fail(Errc::invalid, std::string(rule));
}

Status check_opens(const BlockContext& context, const Block& block,
                   std::span<const SharedOpen> opens) {
    if (!holds(context.lifted, Guard::block_opens_quorum, block.opens.size() >= context.quorum)) {
        return broken("cites less than a quorum");
    }
    for (std::size_t i = 0; i < block.opens.size(); ++i) {
        const bool ascends = i == 0 || block.opens[i - 1].member < block.opens[i].member;
        const bool same_parent =
            opens[i]->height == context.prev.seq + 1 && opens[i]->prev_hash == context.prev.hash;
        if (!holds(context.lifted, Guard::block_opens_of_members,
                   is_member(context, block.opens[i].member)) ||
            !holds(context.lifted, Guard::block_opens_distinct, ascends)) {
            return broken("cites somebody who is not a member, or out of order");
        }
        if (!holds(context.lifted, Guard::block_opens_same_parent, same_parent)) {
            return broken("cites an OPEN for another ledger");
        }
    }
    return {};
}

// What the inputs of one block may take.
class Allowance {
public:
    explicit Allowance(const Params& params) : params_(params) {}

    bool fits(const proto::SignedInput& input) const {
        return count_ < limits::ledger_inputs_max &&
               bytes_ + input.container.size() <= limits::ledger_input_bytes_max &&
               user_fits(input);
    }
    void take(const proto::SignedInput& input) {
        ++count_;
        bytes_ += input.container.size();
        if (params_.user_input_bytes != 0) {
            user_bytes_[input.user] += input.payload->size();
        }
    }

private:
    bool user_fits(const proto::SignedInput& input) const {
        if (params_.user_input_bytes == 0) {
            return true;
        }
        const auto known = user_bytes_.find(input.user);
        const std::uint64_t used = known == user_bytes_.end() ? 0 : known->second;
        return used + input.payload->size() <= params_.user_input_bytes;
    }

    const Params& params_;
    std::size_t count_ = 0;
    std::size_t bytes_ = 0;
    std::map<PublicKey, std::uint64_t> user_bytes_;
};

bool in_time(const BlockContext& context, const proto::SignedInput& input) {
    const LedgerSeq offset = context.params->max_input_ledger_offset;
    return input.max_ledger_seq > context.prev.seq &&
           (offset == 0 || input.max_ledger_seq <= context.prev.seq + offset);
}

Status check_inputs(const BlockContext& context, std::span<const SharedInput> inputs) {
    Allowance allowance(*context.params);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const proto::SignedInput& input = *inputs[i];
        const bool ascends = i == 0 || std::tie(inputs[i - 1]->user, inputs[i - 1]->nonce) <
                                           std::tie(input.user, input.nonce);
        if (!holds(context.lifted, Guard::block_inputs_in_order, ascends)) {
            return broken("inputs out of order, or two with one nonce");
        }
        if (!holds(context.lifted, Guard::block_inputs_in_time, in_time(context, input))) {
            return broken("an input that has expired or is too far ahead");
        }
        if (!holds(context.lifted, Guard::block_nonces_unused,
                   !context.nonces->check(input, context.prev.seq))) {
            return broken("an input whose nonce is used up");
        }
        if (!holds(context.lifted, Guard::block_within_limits, allowance.fits(input))) {
            return broken("more inputs than a ledger may have");
        }
        allowance.take(input);
    }
    return {};
}

// Inputs of a block so far, and whether one more could be among them.
class Inclusion {
public:
    Inclusion(const BlockContext& context, std::span<const SharedInput> inputs)
        : context_(context), allowance_(*context.params) {
        for (const SharedInput& input : inputs) {
            add(*input);
        }
    }
    bool could_have(const proto::SignedInput& input) const {
        return in_time(context_, input) && !context_.nonces->check(input, context_.prev.seq) &&
               nonces_.count({input.user, input.nonce}) == 0 && allowance_.fits(input);
    }
    void add(const proto::SignedInput& input) {
        nonces_.emplace(input.user, input.nonce);
        allowance_.take(input);
    }

private:
    const BlockContext& context_;
    Allowance allowance_;
    std::set<std::pair<PublicKey, std::uint64_t>> nonces_;
};

// Those the leader's own pool would not take.
void take_required(const BlockContext& context, const std::vector<Hash32>& required,
                   const BlockParts& parts, std::vector<SharedInput>& inputs) {
    const std::vector<Hash32> left = passed_over(required, hashes_of(inputs));
    if (left.empty()) {
        return;
    }
    Inclusion inclusion(context, inputs);
    for (const Hash32& hash : left) {
        const SharedInput input = parts.input(hash);
        if (input && inclusion.could_have(*input)) {
            inclusion.add(*input);
            inputs.push_back(input);
        }
    }
}

// Required inputs are in the block, or could not be.
Status check_nothing_passed_over(const BlockContext& context, std::span<const SharedOpen> opens,
                                 std::span<const SharedInput> inputs, const BlockParts& parts) {
    const std::vector<Hash32> left =
        passed_over(required_inputs(context, opens), hashes_of(inputs));
    if (left.empty()) {
        return {};
    }
    const Inclusion inclusion(context, inputs);
    for (const Hash32& hash : left) {
        if (!holds(context.lifted, Guard::block_nothing_passed_over,
                   !inclusion.could_have(*parts.input(hash)))) {
            return broken("passes over an input that enough members hold");
        }
    }
    return {};
}

Status check_evidence_members(const BlockContext& context, const Block& block) {
    for (const SignedResult& result : block.evidence) {
        if (!holds(context.lifted, Guard::block_evidence_of_members,
                   is_member(context, result.by.member))) {
            return broken("evidence of somebody who is not a member");
        }
    }
    return {};
}

// What follows from what the block cites. Its digest has been found right before, and with it the
// hashes in the header that are over its own content.
Status check_content(const BlockContext& context, const Block& block,
                     std::span<const SharedOpen> opens, std::span<const SharedInput> inputs) {
    if (!holds(context.lifted, Guard::block_users, block.users == block_users(opens, inputs))) {
        return broken("other users than those of the OPENs it cites");
    }
    if (!holds(context.lifted, Guard::block_time,
               block.header.timestamp_ms == block_time(context.prev_time_ms, opens))) {
        return broken("another time than that of the OPENs it cites");
    }
    if (!holds(context.lifted, Guard::block_nonce, block.nonce == group_nonce(opens))) {
        return broken("another nonce than that of the OPENs it cites");
    }
    if (block.header.input_hash != proto::input_list_hash({inputs.begin(), inputs.end()})) {
        return broken("another hash of inputs than that of its inputs");
    }
    return holds(context.lifted, Guard::block_recent_inputs,
                 block.recent_hash == context.nonces->digest_after(block.header.seq, inputs))
               ? Status()
               : Status(broken("another memory of inputs than follows from the chain"));
}

} // namespace

SharedBlock assemble_block(const BlockContext& context, std::span<const SharedOpen> opens,
                           const InputPool& pool, const BlockParts& parts, ResultDecision result) {
    HP_CHECK(opens.size() >= context.quorum, "a block needs a quorum of OPENs");
    auto block = std::make_shared<Block>();
    for (const SharedOpen& open : opens) {
        block->opens.push_back({open->by.member, open->digest});
    }
    block->mode = result.mode;
    block->evidence = std::move(result.evidence);
    const std::vector<Hash32> required = required_inputs(context, opens);
    std::vector<SharedInput> inputs =
        pool.select(*context.params, *context.nonces, context.prev.seq, required);
    take_required(context, required, parts, inputs);
    std::sort(inputs.begin(), inputs.end(), [](const SharedInput& a, const SharedInput& b) {
        return execution_order(a) < execution_order(b);
    });
    fill(context, opens, inputs, result.claim, *block);
    return block;
}

std::vector<Hash32> missing_for_assembly(const BlockContext& context,
                                         std::span<const SharedOpen> opens,
                                         const BlockParts& parts) {
    std::vector<Hash32> missing;
    for (const Hash32& hash : required_inputs(context, opens)) {
        if (!parts.input(hash)) {
            missing.push_back(hash);
        }
    }
    return missing;
}

MissingParts missing_parts(const BlockContext& context, const Block& block,
                           const BlockParts& parts) {
    MissingParts missing;
    std::vector<SharedOpen> opens;
    for (const OpenRef& ref : block.opens) {
        SharedOpen open = parts.open(ref);
        if (open) {
            opens.push_back(std::move(open));
        } else {
            missing.opens.push_back(ref);
        }
    }
    const auto look_for = [&](const std::vector<Hash32>& hashes) {
        std::copy_if(hashes.begin(), hashes.end(), std::back_inserter(missing.inputs),
                     [&](const Hash32& hash) { return !parts.input(hash); });
    };
    look_for(block.inputs);
    if (missing.opens.empty()) { // else which inputs are required is not known yet
        look_for(passed_over(required_inputs(context, opens), block.inputs));
    }
    return missing;
}

Status check_block(const BlockContext& context, const Block& block, const BlockParts& parts,
                   std::span<const SignedResult> own_results) {
    std::vector<SharedOpen> opens;
    for (const OpenRef& ref : block.opens) {
        opens.push_back(parts.open(ref));
    }
    std::vector<SharedInput> inputs;
    for (const Hash32& hash : block.inputs) {
        inputs.push_back(parts.input(hash));
    }
    HP_TRY_STATUS(check_opens(context, block, opens));
    HP_TRY_STATUS(check_evidence_members(context, block));
    const ResultClaim claim{context.prev, block.header.state_hash, block.header.config_hash,
                            block.header.output_hash};
    HP_TRY_STATUS(check_result(context.result, {block.mode, claim, block.evidence}, own_results));
    HP_TRY_STATUS(check_inputs(context, inputs));
    HP_TRY_STATUS(check_nothing_passed_over(context, opens, inputs, parts));
    return check_content(context, block, opens, inputs);
}

std::vector<PublicKey> leader_order(const LedgerId& parent,
                                    const std::vector<OpenRef>& parent_opens,
                                    const std::vector<PublicKey>& members) {
    std::vector<PublicKey> alive;
    for (const OpenRef& ref : parent_opens) {
        if (std::binary_search(members.begin(), members.end(), ref.member)) {
            alive.push_back(ref.member);
        }
    }
    std::map<Hash32, PublicKey> order;
    for (const PublicKey& key : alive.empty() ? members : alive) {
        order.emplace(crypto::b3({parent.hash.view(), key.view()}), key);
    }
    std::vector<PublicKey> out;
    for (const auto& [hash, key] : order) {
        out.push_back(key);
    }
    return out;
}

} // namespace hp::consensus
