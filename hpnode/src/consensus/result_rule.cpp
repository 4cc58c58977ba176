// SPDX-License-Identifier: Apache-2.0
#include "consensus/result_rule.hpp"

#include <algorithm>
#include <map>

namespace hp::consensus {
namespace {

using Counts = std::map<ResultClaim, std::size_t>;

Counts count(std::span<const SignedResult> results) {
    Counts counts;
    for (const SignedResult& result : results) {
        ++counts[result.claim];
    }
    return counts;
}

// Without a certificate outputs are dropped, so results that differ in them only are one.
Counts count_states(std::span<const SignedResult> results) {
    Counts counts;
    for (const SignedResult& result : results) {
        ResultClaim claim = result.claim;
        claim.output_root = Hash32{};
        ++counts[claim];
    }
    return counts;
}

// The claim with the most votes, and how many; `tie` when another has as many.
struct Leading {
    const ResultClaim* claim = nullptr;
    std::size_t votes = 0;
    bool tie = false;
};

Leading leading(const Counts& counts) {
    Leading best;
    for (const auto& [claim, votes] : counts) {
        if (votes > best.votes) {
            best = {&claim, votes, false};
        } else if (votes == best.votes) {
            best.tie = true;
        }
    }
    return best;
}

// More than n - q votes: at least one honest member holds this state, so it can be fetched.
bool is_plurality(const ResultContext& context, const Leading& best) {
    return holds(context.lifted, Guard::result_plurality_honest,
                 best.votes > context.members - context.quorum) &&
           !best.tie;
}

ResultDecision without_certificate(const ResultContext& context,
                                   std::span<const SignedResult> results) {
    const Counts states = count_states(results);
    const Leading best = leading(states);
    ResultDecision decision;
    decision.evidence.assign(results.begin(), results.end());
    if (is_plurality(context, best)) {
        decision.mode = ResultMode::plurality;
        decision.claim = *best.claim;
    } else {
        decision.mode = ResultMode::void_run;
        decision.claim = context.before;
    }
    decision.claim.output_root = Hash32{};
    return decision;
}

Status check_evidence(const ResultContext& context, std::span<const SignedResult> evidence) {
    for (std::size_t i = 0; i < evidence.size(); ++i) {
        if (!holds(context.lifted, Guard::result_same_ledger,
                   evidence[i].claim.ledger == context.before.ledger)) {
            return fail(Errc::invalid, "evidence about another ledger");
        }
        if (!holds(context.lifted, Guard::result_evidence_distinct,
                   i == 0 || evidence[i - 1].by.member < evidence[i].by.member)) {
            return fail(Errc::invalid, "evidence out of order");
        }
    }
    return holds(context.lifted, Guard::result_evidence_quorum, evidence.size() >= context.quorum)
               ? Status()
               : Status(fail(Errc::invalid, "evidence of less than a quorum"));
}

// One statement a member, those of `own` counting for members that are not in `evidence`.
std::vector<SignedResult> merge(std::span<const SignedResult> evidence,
                                std::span<const SignedResult> own) {
    std::map<PublicKey, SignedResult> by_member;
    for (const auto& list : {own, evidence}) {
        for (const SignedResult& result : list) {
            by_member.insert_or_assign(result.by.member, result);
        }
    }
    std::vector<SignedResult> out;
    for (auto& [member, result] : by_member) {
        out.push_back(std::move(result));
    }
    return out;
}

} // namespace

std::optional<ResultDecision> decide_result(const ResultContext& context,
                                            std::span<const SignedResult> results,
                                            bool waited_out) {
    const Counts counts = count(results);
    const Leading best = leading(counts);
    if (best.votes >= context.quorum) {
        ResultDecision decision;
        decision.claim = *best.claim;
        std::copy_if(results.begin(), results.end(), std::back_inserter(decision.evidence),
                     [&](const SignedResult& result) { return result.claim == *best.claim; });
        return decision;
    }
    const std::size_t missing = context.members - results.size();
    const bool still_possible = best.votes + missing >= context.quorum;
    if (results.size() < context.quorum || (still_possible && !waited_out)) {
        return std::nullopt;
    }
    ResultDecision decision = without_certificate(context, results);
    // The next result may give one state more votes than the others.
    const bool may_change = missing > 0 && !waited_out;
    if (decision.mode == ResultMode::void_run && (!context.can_be_void || may_change)) {
        return std::nullopt;
    }
    return decision;
}

Status check_result(const ResultContext& context, const ResultDecision& decision,
                    std::span<const SignedResult> own) {
    HP_TRY_STATUS(check_evidence(context, decision.evidence));
    if (decision.mode == ResultMode::certified) {
        const bool all_equal =
            std::all_of(decision.evidence.begin(), decision.evidence.end(),
                        [&](const SignedResult& r) { return r.claim == decision.claim; });
        return holds(context.lifted, Guard::result_certified_equal, all_equal)
                   ? Status()
                   : Status(fail(Errc::invalid, "evidence of different results"));
    }
    const std::vector<SignedResult> known = merge(decision.evidence, own);
    if (!holds(context.lifted, Guard::result_certificate_first,
               leading(count(known)).votes < context.quorum)) {
        return fail(Errc::unavailable, "a certified result is passed over");
    }
    const ResultDecision expected = without_certificate(context, decision.evidence);
    const bool follows = expected.mode == decision.mode && expected.claim == decision.claim &&
                         (expected.mode != ResultMode::void_run || context.can_be_void);
    if (!holds(context.lifted, Guard::result_as_evidence_says, follows)) {
        return fail(Errc::invalid, "not what the evidence says");
    }
    return {};
}

} // namespace hp::consensus
