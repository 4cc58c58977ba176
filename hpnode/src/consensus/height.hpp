// SPDX-License-Identifier: Apache-2.0
// Everything a member holds about the one ledger being agreed on: OPENs, results of the ledger
// before, blocks and their parts, and the Agreement over them. It answers questions ("can a leader
// propose?", "is this block valid?"); what to do about the answers is the engine's. Pure; one
// owner.
#pragma once

#include <deque>

#include "consensus/agreement.hpp"
#include "consensus/block_rules.hpp"
#include "consensus/input_pool.hpp"

namespace hp::consensus {

class Height final : public BlockParts {
public:
    struct Setup {
        Agreement::Setup agreement;
        LedgerId prev;
        TimeMs prev_time_ms = 0;
        ResultContext result;
        std::vector<PublicKey> expected_opens; // of members that took part before
        const Params* params = nullptr;        // these three outlive the height
        const NonceRecords* nonces = nullptr;
        const InputPool* pool = nullptr;
    };
    Height(Setup setup, const std::vector<LogRecord>& restored, std::int64_t now_us);

    LedgerSeq seq() const { return setup_.prev.seq + 1; }
    const LedgerId& prev() const { return setup_.prev; }
    const std::vector<PublicKey>& members() const { return setup_.agreement.members; }
    std::size_t quorum() const { return setup_.agreement.quorum; }
    bool is_member(const PublicKey& key) const;
    Agreement& agreement() { return agreement_; }
    const Agreement& agreement() const { return agreement_; }
    std::int64_t since_us() const { return since_us_; }

    // --- OPENs ---
    enum class Added : std::uint8_t { ignored, stored, contradiction };
    Added add(const SharedOpen& open, std::int64_t now_us);
    std::size_t open_count() const { return newest_opens_.size(); }
    // A member has said something else at this height, itself.
    void heard(const PublicKey& member, std::int64_t now_us) {
        if (is_member(member)) {
            heard_at_us_[member] = now_us;
        }
    }
    // Who was heard, or heard again, at that time or later. Members repeat themselves.
    std::size_t heard_since(std::int64_t since_us) const;
    bool has_heard(const PublicKey& member, std::int64_t since_us) const;
    std::vector<SharedOpen> opens() const; // newest of each member, ascending by member
    // Nobody else is worth waiting for.
    bool has_expected_opens() const;
    std::optional<std::int64_t> open_quorum_since_us() const { return open_quorum_since_us_; }

    // --- results of the ledger before ---
    Added add(const SignedResult& result, std::int64_t now_us);
    const std::map<PublicKey, SignedResult>& results() const { return results_; }
    std::optional<ResultDecision> decide_result(std::int64_t now_us) const;
    std::optional<std::int64_t> result_wait_ends_us() const; // decide_result() may change then

    // --- blocks ---
    void add(const SharedBlock& block);
    SharedBlock block(const Hash32& digest) const; // null: not here
    MissingParts missing_for_assembly() const;
    SharedBlock assemble(ResultDecision result) const;
    // What it takes to vote for the block. One that a quorum has prepared was found valid by
    // correct members: only its inputs are needed, to be able to hand them on.
    MissingParts missing(const Block& block, bool prepared) const;
    Status check(const Block& block) const;
    // Bodies of the block's inputs in order; empty when some are missing.
    std::optional<std::vector<proto::SharedInput>> bodies(const Block& block) const;
    // An input the pool would not take (it clashes, or has expired) but a block needs judged.
    void keep(const proto::SharedInput& verified);

    // What others have sent, beside what this member's own votes are about.
    std::size_t kept() const {
        return recent_opens_.size() + results_.size() + other_blocks_.size() + opens_.size() -
               std::min(opens_.size(), cited_opens_.size());
    }

    SharedOpen open(const OpenRef& ref) const override;
    proto::SharedInput input(const Hash32& hash) const override;

private:
    bool keep(const SharedOpen& open);
    BlockContext context() const;
    std::vector<SignedResult> result_list() const;

    Setup setup_;
    Agreement agreement_;
    std::int64_t since_us_;
    std::map<PublicKey, SharedOpen> newest_opens_;
    std::map<PublicKey, std::int64_t> heard_at_us_;
    std::map<Hash32, SharedOpen> opens_; // by digest, also older ones that a block may cite
    std::map<PublicKey, std::deque<Hash32>> recent_opens_;
    std::set<Hash32> cited_opens_; // by blocks seen
    std::optional<std::int64_t> open_quorum_since_us_;
    std::map<PublicKey, SignedResult> results_;
    std::optional<std::int64_t> result_quorum_since_us_;
    std::map<Hash32, SharedBlock> blocks_;
    std::deque<Hash32> other_blocks_; // in order of arrival; not voted for, as far as known then
    std::map<Hash32, proto::SharedInput> kept_inputs_;
};

} // namespace hp::consensus
