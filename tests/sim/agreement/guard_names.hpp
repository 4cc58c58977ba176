// SPDX-License-Identifier: Apache-2.0
// Names of the guards, for command lines and tables. Pure; any thread.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "consensus/guards.hpp"

namespace hp::agree {

using consensus::Guard;

inline constexpr std::array<std::pair<Guard, std::string_view>, 61> guard_names{{
    {Guard::proposed_by_leader, "proposed_by_leader"},
    {Guard::proposal_justified, "proposal_justified"},
    {Guard::justification_complete, "justification_complete"},
    {Guard::justification_same_digest, "justification_same_digest"},
    {Guard::justification_kind, "justification_kind"},
    {Guard::proposal_current, "proposal_current"},
    {Guard::first_proposal_only, "first_proposal_only"},
    {Guard::prepare_once, "prepare_once"},
    {Guard::prepare_not_after_skip, "prepare_not_after_skip"},
    {Guard::prepare_not_after_commit, "prepare_not_after_commit"},
    {Guard::propose_once, "propose_once"},
    {Guard::propose_same_after_restart, "propose_same_after_restart"},
    {Guard::commit_not_behind, "commit_not_behind"},
    {Guard::commit_not_after_skip, "commit_not_after_skip"},
    {Guard::commit_once, "commit_once"},
    {Guard::timer_current, "timer_current"},
    {Guard::skip_not_after_commit, "skip_not_after_commit"},
    {Guard::skip_once, "skip_once"},
    {Guard::skip_what_is_left, "skip_what_is_left"},
    {Guard::leave_after_timer, "leave_after_timer"},
    {Guard::quorum_is_majority, "quorum_is_majority"},
    {Guard::quorum_of_votes, "quorum_of_votes"},
    {Guard::vote_height, "vote_height"},
    {Guard::vote_counted_once, "vote_counted_once"},
    {Guard::vote_in_window, "vote_in_window"},
    {Guard::certificate_height, "certificate_height"},
    {Guard::certificate_quorum, "certificate_quorum"},
    {Guard::certificate_of_members, "certificate_of_members"},
    {Guard::certificate_distinct, "certificate_distinct"},
    {Guard::certificate_digest, "certificate_digest"},
    {Guard::restored_prepared, "restored_prepared"},
    {Guard::restored_committed, "restored_committed"},
    {Guard::restored_skipped, "restored_skipped"},
    {Guard::restored_prepare_certificate, "restored_prepare_certificate"},
    {Guard::restored_skip_certificates, "restored_skip_certificates"},
    {Guard::block_opens_quorum, "block_opens_quorum"},
    {Guard::block_opens_of_members, "block_opens_of_members"},
    {Guard::block_opens_distinct, "block_opens_distinct"},
    {Guard::block_opens_same_parent, "block_opens_same_parent"},
    {Guard::block_evidence_of_members, "block_evidence_of_members"},
    {Guard::block_inputs_in_order, "block_inputs_in_order"},
    {Guard::block_inputs_in_time, "block_inputs_in_time"},
    {Guard::block_nonces_unused, "block_nonces_unused"},
    {Guard::block_within_limits, "block_within_limits"},
    {Guard::block_nothing_passed_over, "block_nothing_passed_over"},
    {Guard::block_users, "block_users"},
    {Guard::block_time, "block_time"},
    {Guard::block_nonce, "block_nonce"},
    {Guard::block_recent_inputs, "block_recent_inputs"},
    {Guard::result_same_ledger, "result_same_ledger"},
    {Guard::result_evidence_distinct, "result_evidence_distinct"},
    {Guard::result_evidence_quorum, "result_evidence_quorum"},
    {Guard::result_certified_equal, "result_certified_equal"},
    {Guard::result_certificate_first, "result_certificate_first"},
    {Guard::result_as_evidence_says, "result_as_evidence_says"},
    {Guard::result_plurality_honest, "result_plurality_honest"},
    {Guard::block_continues_chain, "block_continues_chain"},
    {Guard::block_digest_verified, "block_digest_verified"},
    {Guard::votes_after_log, "votes_after_log"},
    {Guard::input_signature, "input_signature"},
    {Guard::execute_agreed_state, "execute_agreed_state"},
}};
// A new guard goes before the last one, and into the table.
static_assert(guard_names.size() == static_cast<std::size_t>(Guard::execute_agreed_state) + 1);

constexpr std::string_view name_of(Guard guard) {
    return guard_names[static_cast<std::size_t>(guard)].second;
}
constexpr std::optional<Guard> guard_named(std::string_view name) {
    for (const auto& [guard, known] : guard_names) {
        if (known == name) {
            return guard;
        }
    }
    return std::nullopt;
}

} // namespace hp::agree
