// SPDX-License-Identifier: Apache-2.0
// A name for every guard of the rules of agreement, blocks and results, so that a test build can
// lift one and show that the tests notice: the list in docs/testing.md says which. Nothing can be
// lifted in a production build, where HP_LIFT_GUARDS is not defined. Values; any thread.
#pragma once

#include <cstdint>
#ifdef HP_LIFT_GUARDS
#include <set>
#endif

namespace hp::consensus {

enum class Guard : std::uint8_t {
    // R3, R4: proposals
    proposed_by_leader,
    proposal_justified, // the three below together
    justification_complete,
    justification_same_digest,
    justification_kind,
    proposal_current,
    first_proposal_only,
    prepare_once,
    prepare_not_after_skip,
    prepare_not_after_commit,
    propose_once,
    propose_same_after_restart,
    // R5
    commit_not_behind,
    commit_not_after_skip,
    commit_once,
    // R6, R7, R8
    timer_current,
    skip_not_after_commit,
    skip_once,
    skip_what_is_left, // R7: disowns the attempts a skip certificate ends
    leave_after_timer,
    // R9: certificates and votes
    quorum_is_majority,
    quorum_of_votes,
    vote_height,
    vote_counted_once,
    vote_in_window,
    certificate_height,
    certificate_quorum,
    certificate_of_members,
    certificate_distinct,
    certificate_digest,
    // 6.4.8: what a restart gives back
    restored_prepared,
    restored_committed,
    restored_skipped,
    restored_prepare_certificate,
    restored_skip_certificates,
    // 6.4.7: blocks
    block_opens_quorum,
    block_opens_of_members,
    block_opens_distinct,
    block_opens_same_parent,
    block_evidence_of_members,
    block_inputs_in_order,
    block_inputs_in_time,
    block_nonces_unused,
    block_within_limits,
    block_nothing_passed_over,
    block_users,
    block_time,
    block_nonce,
    block_recent_inputs,
    // 6.4.6: results
    result_same_ledger,
    result_evidence_distinct,
    result_evidence_quorum,
    result_certified_equal,
    result_certificate_first,
    result_as_evidence_says,
    result_plurality_honest,
    // the engine
    block_continues_chain,
    block_digest_verified,
    votes_after_log,
    input_signature,
    execute_agreed_state,
};

#ifdef HP_LIFT_GUARDS
struct LiftedGuards {
    std::set<Guard> guards;
    bool contains(Guard guard) const { return guards.count(guard) != 0; }
};
#else
struct LiftedGuards {
    static constexpr bool contains(Guard) { return false; }
};
#endif

constexpr bool holds(const LiftedGuards& lifted, Guard guard, bool condition) {
    return condition || lifted.contains(guard);
}

} // namespace hp::consensus
