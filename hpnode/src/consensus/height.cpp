// SPDX-License-Identifier: Apache-2.0
#include "consensus/height.hpp"

#include <algorithm>

namespace hp::consensus {
namespace {

// OPENs of one member that are kept beside its newest: a block may cite an older one.
constexpr std::size_t opens_per_member_max = 4;

// Blocks of a height beside those this member has voted for, which others may have to get from it:
// what leaders have proposed and it could not validate.
constexpr std::size_t other_blocks_max = 64;

} // namespace

Height::Height(Setup setup, const std::vector<LogRecord>& restored, std::int64_t now_us)
    : setup_(std::move(setup)), agreement_(setup_.agreement, restored), since_us_(now_us) {
    for (const LogRecord& record : restored) {
        if (record.block) {
            add(record.block);
        }
        for (const proto::SharedInput& input : record.inputs) {
            keep(input);
        }
    }
}

bool Height::is_member(const PublicKey& key) const {
    return std::binary_search(members().begin(), members().end(), key);
}

Height::Added Height::add(const SharedOpen& open, std::int64_t now_us) {
    if (!is_member(open->by.member) || open->prev_hash != setup_.prev.hash) {
        return Added::ignored;
    }
    heard_at_us_[open->by.member] = now_us;
    SharedOpen& newest = newest_opens_[open->by.member];
    if (newest && newest->version == open->version && newest->digest != open->digest) {
        keep(open); // a block may cite it
        return Added::contradiction;
    }
    if (!keep(open)) {
        return Added::ignored;
    }
    if (!newest || newest->version < open->version) {
        newest = open;
    }
    if (!open_quorum_since_us_ && open_count() >= quorum()) {
        open_quorum_since_us_ = now_us;
    }
    return Added::stored;
}

std::size_t Height::heard_since(std::int64_t since_us) const {
    return static_cast<std::size_t>(
        std::count_if(heard_at_us_.begin(), heard_at_us_.end(),
                      [&](const auto& entry) { return entry.second >= since_us; }));
}

bool Height::has_heard(const PublicKey& member, std::int64_t since_us) const {
    const auto found = heard_at_us_.find(member);
    return found != heard_at_us_.end() && found->second >= since_us;
}

// The last few of each member, its newest, and what blocks cite. False: known.
bool Height::keep(const SharedOpen& open) {
    if (!opens_.emplace(open->digest, open).second) {
        return false;
    }
    const PublicKey& member = open->by.member;
    std::deque<Hash32>& kept = recent_opens_[member];
    kept.push_back(open->digest);
    if (kept.size() > opens_per_member_max) {
        const SharedOpen& newest = newest_opens_[member];
        if (newest && newest->digest == kept.front()) {
            std::rotate(kept.begin(), std::next(kept.begin()), kept.end());
        }
        if (cited_opens_.count(kept.front()) == 0) {
            opens_.erase(kept.front());
        }
        kept.pop_front();
    }
    return true;
}

std::vector<SharedOpen> Height::opens() const {
    std::vector<SharedOpen> out;
    for (const auto& [member, open] : newest_opens_) {
        out.push_back(open);
    }
    return out;
}

bool Height::has_expected_opens() const {
    return std::all_of(setup_.expected_opens.begin(), setup_.expected_opens.end(),
                       [this](const PublicKey& key) { return newest_opens_.count(key) != 0; });
}

Height::Added Height::add(const SignedResult& result, std::int64_t now_us) {
    if (!is_member(result.by.member) || result.claim.ledger != setup_.prev) {
        return Added::ignored;
    }
    const auto [known, fresh] = results_.try_emplace(result.by.member, result);
    if (!fresh) {
        // The first counts: a member that executes again after a crash has told its result only
        // once that was durable.
        return known->second.claim == result.claim ? Added::ignored : Added::contradiction;
    }
    if (!result_quorum_since_us_ && results_.size() >= quorum()) {
        result_quorum_since_us_ = now_us;
    }
    return Added::stored;
}

std::vector<SignedResult> Height::result_list() const {
    std::vector<SignedResult> out;
    for (const auto& [member, result] : results_) {
        out.push_back(result);
    }
    return out;
}

std::optional<ResultDecision> Height::decide_result(std::int64_t now_us) const {
    const auto ends = result_wait_ends_us();
    return consensus::decide_result(setup_.result, result_list(), ends && *ends <= now_us);
}

std::optional<std::int64_t> Height::result_wait_ends_us() const {
    if (!result_quorum_since_us_) {
        return std::nullopt;
    }
    return *result_quorum_since_us_ + setup_.params->roundtime_ms * 1000;
}

void Height::add(const SharedBlock& block) {
    if (!blocks_.emplace(block->digest, block).second) {
        return;
    }
    for (const OpenRef& ref : block->opens) {
        cited_opens_.insert(ref.digest);
    }
    other_blocks_.push_back(block->digest);
    std::erase_if(other_blocks_,
                  [this](const Hash32& digest) { return agreement_.may_need(digest); });
    if (other_blocks_.size() > other_blocks_max) {
        blocks_.erase(other_blocks_.front());
        other_blocks_.pop_front();
    }
}

SharedBlock Height::block(const Hash32& digest) const {
    const auto found = blocks_.find(digest);
    return found == blocks_.end() ? nullptr : found->second;
}

BlockContext Height::context() const {
    BlockContext context;
    context.params = setup_.params;
    context.members = members();
    context.quorum = quorum();
    context.prev = setup_.prev;
    context.prev_time_ms = setup_.prev_time_ms;
    context.result = setup_.result;
    context.nonces = setup_.nonces;
    context.lifted = setup_.agreement.lifted;
    return context;
}

SharedBlock Height::assemble(ResultDecision result) const {
    return assemble_block(context(), opens(), *setup_.pool, *this, std::move(result));
}

MissingParts Height::missing_for_assembly() const {
    return {{}, consensus::missing_for_assembly(context(), opens(), *this)};
}

MissingParts Height::missing(const Block& block, bool prepared) const {
    if (!prepared) {
        return missing_parts(context(), block, *this);
    }
    MissingParts out;
    std::copy_if(block.inputs.begin(), block.inputs.end(), std::back_inserter(out.inputs),
                 [this](const Hash32& hash) { return !input(hash); });
    return out;
}

Status Height::check(const Block& block) const {
    return check_block(context(), block, *this, result_list());
}

std::optional<std::vector<proto::SharedInput>> Height::bodies(const Block& block) const {
    std::vector<proto::SharedInput> out;
    for (const Hash32& hash : block.inputs) {
        out.push_back(input(hash));
        if (!out.back()) {
            return std::nullopt;
        }
    }
    return out;
}

void Height::keep(const proto::SharedInput& verified) {
    kept_inputs_.emplace(verified->hash, verified);
}

SharedOpen Height::open(const OpenRef& ref) const {
    const auto found = opens_.find(ref.digest);
    return found != opens_.end() && found->second->by.member == ref.member ? found->second
                                                                           : nullptr;
}

proto::SharedInput Height::input(const Hash32& hash) const {
    if (proto::SharedInput candidate = setup_.pool->find(hash)) {
        return candidate;
    }
    const auto kept = kept_inputs_.find(hash);
    return kept == kept_inputs_.end() ? nullptr : kept->second;
}

} // namespace hp::consensus
