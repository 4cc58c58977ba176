// SPDX-License-Identifier: Apache-2.0
// What the engine is told from configuration, and its own constants with their reasons. Integer
// arithmetic only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <set>

#include "consensus/guards.hpp"
#include "hp/base/ids.hpp"

namespace hp::consensus {

struct Params {
    std::int64_t roundtime_ms = 1000;
    bool eager = true;              // close early when inputs wait (6.4.5)
    std::uint32_t stage_slice = 25; // percent of the roundtime
    unsigned threshold_percent = 80;
    std::set<PublicKey> unl;
    std::uint16_t max_input_ledger_offset = 10; // 0 = no limit
    std::uint64_t user_input_bytes = 0;         // per user and round, 0 = no limit
};

// Who this node is, what nobody else can guess, and what its past allows.
struct Identity {
    PublicKey self;
    bool validator = true; // false: observer, never votes
    Hash32 nonce_secret;   // random at start; source of this node's share of group nonces
    Hash32 contract_id_hash;
    // Higher at every start, so that an OPEN after a restart replaces the one before.
    std::uint64_t incarnation = 0;
    // The vote log may not know all votes of the past (missing, damaged, restored): follow, and
    // vote again once no forgotten vote can matter (Engine::may_have_forgotten()).
    bool may_have_forgotten = false;
    LiftedGuards lifted{}; // none but in tests of the tests
};

namespace params {

// An eager ledger waits this long after the first input for others that are on their way: a client
// that sends several in a row then gets them into one ledger, in nonce order.
inline constexpr std::int64_t eager_gather_us = 2000;

// Eager credits when there is no ledger offset limit to protect.
inline constexpr std::int64_t eager_credits_without_offset = 5;

// Stages of very short rounds still have to cover a few messages and two syncs of a disk.
inline constexpr std::int64_t stage_us_min = 50'000;

// A leader that has a quorum of OPENs waits this long for members that took part in the ledger
// before: their users and inputs should not miss a round for a few milliseconds.
inline constexpr std::int64_t open_grace_us_max = 20'000;

// An attempt is three stages long, then half as long again for each attempt before it, so that at
// some attempt everybody's timer is longer than the network's delay.
inline constexpr std::int64_t attempt_us_min = 150'000;
inline constexpr std::int64_t attempt_roundtimes_max = 8;
inline constexpr std::int64_t attempt_log_us_max = 2'000'000;

// Votes for attempts further than this from the current one are not counted, nor kept: certificates
// bring a member that is behind forward, so only a faulty member's votes are that far ahead, and
// nothing depends on votes that old. Also the most own votes and skip certificates repeated at
// once.
inline constexpr std::uint32_t attempt_window = 64;

// What was said is said again this long after a member has connected: others may follow, and one
// that connects again and again does not make this node say everything each time.
inline constexpr std::int64_t repeat_joined_us = 10'000;

// Asking the next member for something that has not come, and what sending and checking an input
// may take in addition.
inline constexpr std::int64_t fetch_retry_us = 100'000;
inline constexpr std::int64_t fetch_input_us = 100;

// What was said is said again after a stage, then after twice as long each time up to this and two
// roundtimes: what all members repeat, certificates of many attempts and long OPENs among it, must
// not keep them from coming to an end. Messages between nodes that stay connected do not get lost.
inline constexpr std::int64_t repeat_us_min = 1'000'000;

// No quorum of OPENs for this long, or so many attempts without a decision: "unreliable" (6.4.9).
inline constexpr std::int64_t silence_roundtimes = 2;
inline constexpr std::uint32_t failed_attempts_unreliable = 3;

// Ledgers that a node which is behind asks for at once: at a round trip of 300 ms it still catches
// up with rounds of 20 ms. They wait in memory for the ones before them, no more of them than this.
inline constexpr LedgerSeq ledgers_per_answer_max = 16;
inline constexpr std::size_t fetched_bytes_max = 8 * 1024 * 1024;
// As long as nothing of them comes, it waits twice as long each time before it asks another node,
// and afterwards twice as long as an answer took: it may be the network that is slow.
inline constexpr std::int64_t catch_up_retry_us_max = 16 * fetch_retry_us;

// Decided ledgers that wait to be executed: while a state of a gigabyte comes and is taken over,
// rounds of 20 ms decide 150. A node that is further behind than this fetches a newer state.
inline constexpr std::size_t backlog_ledgers_max = 256;
inline constexpr std::size_t backlog_bytes_max = 8 * 1024 * 1024;

// Bodies sent in one answer; who asked for more asks again for the rest.
inline constexpr std::size_t inputs_per_answer_max = 4096;
inline constexpr std::size_t answer_bytes_max = 4 * 1024 * 1024;

// A member that decides with nobody knowing it yet is pulled along by OPENs: these messages of one
// member for the next height are kept until this node gets there.
inline constexpr std::size_t early_messages_per_member_max = 32;
// And of a member that is further ahead than that: what it was heard to say first, an OPEN and a
// RESULT as a rule.
inline constexpr std::size_t ahead_messages_per_member_max = 2;

constexpr std::int64_t stage_us(const Params& params) {
    return std::max(params.roundtime_ms * 1000 * params.stage_slice / 100, stage_us_min);
}

constexpr std::int64_t open_grace_us(const Params& params) {
    return std::min(stage_us(params) / 4, open_grace_us_max);
}

// `log_us`: what a write of this node's log takes. The proposal waits for one, PREPARE and COMMIT
// for another each: on disks that need longer than a stage every attempt would end before that.
constexpr std::int64_t attempt_us(const Params& params, std::uint32_t attempt,
                                  std::int64_t log_us = 0) {
    const std::int64_t step = 3 * stage_us(params);
    const std::int64_t factor = std::min<std::int64_t>(attempt, 1000);
    const std::int64_t cap = attempt_roundtimes_max * params.roundtime_ms * 1000;
    const std::int64_t writes = 3 * std::min(log_us, attempt_log_us_max);
    return std::max(std::min(step + step * factor / 2, cap), attempt_us_min) + writes;
}

constexpr std::int64_t fetch_us(std::size_t inputs) {
    return fetch_retry_us +
           static_cast<std::int64_t>(std::min(inputs, inputs_per_answer_max)) * fetch_input_us;
}

constexpr std::int64_t repeat_us_max(const Params& params) {
    return std::max(2 * params.roundtime_ms * 1000, repeat_us_min);
}

constexpr std::int64_t silence_us(const Params& params) {
    return silence_roundtimes * params.roundtime_ms * 1000;
}

} // namespace params

} // namespace hp::consensus
