// SPDX-License-Identifier: Apache-2.0
#include "block_oracle.hpp"

#include <algorithm>

#include "consensus/validators.hpp"
#include "hp/crypto/blake3.hpp"

namespace hp::sim {

using consensus::Block;
using consensus::Params;
using consensus::ResultMode;
using consensus::SharedOpen;

namespace {

// OPENs of blocks this far back can no longer be cited.
constexpr LedgerSeq kept_heights = 3;

} // namespace

std::string BlockOracle::check(const Block& block, const proto::LedgerHeader& prev,
                               const Params& params) const {
    const std::size_t quorum = consensus::quorum(params.unl.size(), params.threshold_percent);
    Opens cited;
    std::string wrong = check_opens(block, params, quorum, cited);
    if (wrong.empty()) {
        wrong = check_content(block, prev);
    }
    if (wrong.empty()) {
        wrong = check_inputs(block, params);
    }
    if (wrong.empty()) {
        wrong = check_censorship(block, params, quorum, cited);
    }
    if (wrong.empty()) {
        wrong = check_result(block, prev, params, quorum);
    }
    return wrong;
}

std::string BlockOracle::check_opens(const Block& block, const Params& params, std::size_t quorum,
                                     Opens& cited) const {
    std::set<PublicKey> members;
    for (const consensus::OpenRef& ref : block.opens) {
        const auto found = opens_.find(ref.digest);
        if (found == opens_.end() || found->second->by.member != ref.member ||
            params.unl.count(ref.member) == 0 || found->second->height != block.header.seq ||
            found->second->prev_hash != block.header.prev_hash) {
            return "cites an OPEN it must not";
        }
        members.insert(ref.member);
        cited.push_back(found->second);
    }
    return members.size() >= quorum && members.size() == cited.size() ? ""
                                                                      : "cites too few members";
}

std::optional<BlockOracle::Derived> BlockOracle::derive(const Block& block,
                                                        const proto::LedgerHeader& prev) const {
    std::set<PublicKey> users;
    std::vector<TimeMs> clocks;
    crypto::Blake3 nonce;
    nonce.update(as_bytes(std::string_view("hp2/nonce\0", 10)));
    for (const consensus::OpenRef& ref : block.opens) {
        const auto found = opens_.find(ref.digest);
        if (found == opens_.end()) {
            return std::nullopt;
        }
        users.insert(found->second->users.begin(), found->second->users.end());
        clocks.push_back(found->second->clock_ms);
        nonce.update(found->second->nonce.view());
    }
    for (const Hash32& hash : block.inputs) {
        const auto found = inputs_.find(hash);
        if (found == inputs_.end()) {
            return std::nullopt;
        }
        users.insert(found->second->user);
    }
    if (clocks.empty()) {
        return std::nullopt;
    }
    std::sort(clocks.begin(), clocks.end());
    const TimeMs median = clocks[(clocks.size() - 1) / 2];
    return Derived{
        {users.begin(), users.end()}, std::max(prev.timestamp_ms + 1, median), nonce.finish()};
}

std::string BlockOracle::check_content(const Block& block, const proto::LedgerHeader& prev) const {
    const std::optional<Derived> derived = derive(block, prev);
    if (!derived) {
        return "has an input nobody submitted";
    }
    if (derived->users != block.users) {
        return "has not the users of the OPENs it cites";
    }
    if (derived->time_ms != block.header.timestamp_ms) {
        return "has not the time of the OPENs it cites";
    }
    return derived->nonce == block.nonce ? "" : "has not the nonce of the OPENs it cites";
}

std::string BlockOracle::check_inputs(const Block& block, const Params& params) const {
    std::vector<proto::SharedInput> inputs;
    std::map<PublicKey, std::uint64_t> bytes;
    for (const Hash32& hash : block.inputs) {
        const proto::SharedInput& input = inputs_.at(hash);
        const auto memory = users_.find(input->user);
        if (!keyring_.is_signed(*input)) {
            return "has an input its user has not signed";
        }
        if (input->max_ledger_seq < block.header.seq) {
            return "has an expired input";
        }
        if (params.max_input_ledger_offset != 0 &&
            input->max_ledger_seq >= block.header.seq + params.max_input_ledger_offset) {
            return "has an input that is too far ahead";
        }
        if (decided_.count(hash) != 0 ||
            (memory != users_.end() && memory->second.expires >= block.header.seq &&
             input->nonce <= memory->second.nonce)) {
            return "has an input whose nonce is used up";
        }
        if (!inputs.empty() && std::tie(inputs.back()->user, inputs.back()->nonce) >=
                                   std::tie(input->user, input->nonce)) {
            return "has inputs out of order";
        }
        bytes[input->user] += input->payload->size();
        if (params.user_input_bytes != 0 && bytes[input->user] > params.user_input_bytes) {
            return "has more of one user than allowed";
        }
        inputs.push_back(input);
    }
    if (proto::input_list_hash(inputs) != block.header.input_hash) {
        return "names other inputs than it has";
    }
    return block.recent_hash == nonces_.digest_after(block.header.seq, inputs)
               ? ""
               : "remembers other inputs than were decided";
}

// An input that enough of the cited members hold, and that would have fitted.
std::string BlockOracle::check_censorship(const Block& block, const Params& params,
                                          std::size_t quorum, const Opens& cited) const {
    std::map<Hash32, std::size_t> held;
    for (const SharedOpen& open : cited) {
        for (const Hash32& hash : open->inputs) {
            ++held[hash];
        }
    }
    std::set<std::pair<PublicKey, std::uint64_t>> nonces;
    std::map<PublicKey, std::uint64_t> bytes;
    const std::set<Hash32> included(block.inputs.begin(), block.inputs.end());
    for (const Hash32& hash : block.inputs) {
        const proto::SharedInput& input = inputs_.at(hash);
        nonces.emplace(input->user, input->nonce);
        bytes[input->user] += input->payload->size();
    }
    for (const auto& [hash, count] : held) {
        const auto found = inputs_.find(hash);
        if (count < params.unl.size() - quorum + 1 || included.count(hash) != 0 ||
            found == inputs_.end()) {
            continue;
        }
        const proto::SignedInput& input = *found->second;
        const auto memory = users_.find(input.user);
        const bool late = input.max_ledger_seq < block.header.seq || decided_.count(hash) != 0;
        const bool early =
            params.max_input_ledger_offset != 0 &&
            input.max_ledger_seq >= block.header.seq + params.max_input_ledger_offset;
        const bool spent = memory != users_.end() && memory->second.expires >= block.header.seq &&
                           input.nonce <= memory->second.nonce;
        const bool clashes = nonces.count({input.user, input.nonce}) != 0;
        const bool large = params.user_input_bytes != 0 &&
                           bytes[input.user] + input.payload->size() > params.user_input_bytes;
        if (!late && !early && !spent && !clashes && !large) {
            return "passes over an input that enough members hold";
        }
    }
    return "";
}

std::string BlockOracle::check_result(const Block& block, const proto::LedgerHeader& prev,
                                      const Params& params, std::size_t quorum) const {
    const proto::LedgerHeader& header = block.header;
    std::set<PublicKey> members;
    std::map<consensus::ResultClaim, std::size_t> votes;
    for (const consensus::SignedResult& result : block.evidence) {
        if (params.unl.count(result.by.member) == 0 || result.claim.ledger.seq + 1 != header.seq ||
            result.claim.ledger.hash != header.prev_hash) {
            return "has evidence it must not";
        }
        members.insert(result.by.member);
        ++votes[result.claim];
    }
    if (members.size() < quorum || members.size() != block.evidence.size()) {
        return "has evidence of too few members";
    }
    const LedgerId parent{header.seq - 1, header.prev_hash};
    const consensus::ResultClaim claim{parent, header.state_hash, header.config_hash,
                                       header.output_hash};
    std::size_t most = 0;
    for (const auto& [said, count] : votes) {
        most = std::max(most, count);
    }
    if (block.mode == ResultMode::certified) {
        const auto own = votes.find(claim);
        return own != votes.end() && own->second >= quorum ? "" : "certifies what no quorum claims";
    }
    if (most >= quorum || !header.output_hash.is_zero()) {
        return "gives up a certified result, or delivers outputs without";
    }
    std::vector<const consensus::ResultClaim*> leading;
    for (const auto& [said, count] : votes) {
        if (count == most) {
            leading.push_back(&said);
        }
    }
    const bool plurality = leading.size() == 1 && most > params.unl.size() - quorum;
    if (plurality != (block.mode == ResultMode::plurality)) {
        return "is in another result mode than its evidence says";
    }
    const bool follows =
        plurality ? leading[0]->state_hash == header.state_hash &&
                        leading[0]->config_hash == header.config_hash
                  : prev.state_hash == header.state_hash && prev.config_hash == header.config_hash;
    return follows ? "" : "continues from another state than its evidence says";
}

void BlockOracle::decided(const Block& block) {
    height_ = block.header.seq;
    for (const Hash32& hash : block.inputs) {
        const auto found = inputs_.find(hash);
        if (found == inputs_.end()) {
            continue;
        }
        const proto::SignedInput& input = *found->second;
        decided_.insert(hash);
        UserMemory& memory = users_[input.user];
        memory.nonce = input.nonce;
        memory.expires = std::max(memory.expires, input.max_ledger_seq);
        nonces_.accept(input.user, input.nonce, hash, input.max_ledger_seq);
    }
    nonces_.expire(height_);
    std::erase_if(users_, [this](const auto& entry) { return entry.second.expires <= height_; });
    std::erase_if(opens_, [this](const auto& entry) {
        return entry.second->height + kept_heights <= height_;
    });
}

} // namespace hp::sim
