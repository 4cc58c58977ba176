// SPDX-License-Identifier: Apache-2.0
// Which execution result a block continues from (consensus.md 6.4.6): certified by a quorum, else
// the plurality, else void. One function decides for leaders, one checks for everybody; both are
// functions of the RESULT statements alone. Pure; any thread.
#pragma once

#include <span>

#include "consensus/guards.hpp"
#include "consensus/messages.hpp"

namespace hp::consensus {

struct ResultDecision {
    ResultMode mode = ResultMode::certified;
    // certified, plurality: that claim. Outputs count only when certified; a plurality is one of
    // states, whatever the outputs.
    // void_run: state and configuration of before the execution.
    ResultClaim claim;
    std::vector<SignedResult> evidence; // ascending by member
};

struct ResultContext {
    std::size_t members = 0;
    std::size_t quorum = 0;
    ResultClaim before; // what a void run leaves: ledger is the executed one, roots of before it
    bool can_be_void = true; // false at genesis: there is nothing before it
    LiftedGuards lifted{};
};

// `results`: valid statements about one ledger, at most one per member, ascending by member.
// `waited_out`: the time for a certificate is over (t_void since a quorum of results was there).
// Empty: wait for more.
std::optional<ResultDecision> decide_result(const ResultContext& context,
                                            std::span<const SignedResult> results, bool waited_out);

// Whether a block may continue like this. `own`: the results this member holds itself, for a
// certificate of which it refuses plurality and void: Errc::unavailable, because the leader may
// honestly not know it. Errc::invalid for what no honest leader does.
Status check_result(const ResultContext& context, const ResultDecision& decision,
                    std::span<const SignedResult> own);

} // namespace hp::consensus
