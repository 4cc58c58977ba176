// SPDX-License-Identifier: Apache-2.0
// A cluster agreeing on one height over a hostile network: the real Agreement class for the honest
// members, each with a log whose last records a crash may lose; loss, duplication, reordering,
// partitions and isolation of whoever decides first; faulty members that collude, sign everything
// and forge. One run is a function of its seed. Values; one thread.
#pragma once

#include <array>
#include <iosfwd>

#include "statements.hpp"

namespace hp::agree {

// What is broken on purpose, to see that the checks notice.
struct Sabotage {
    consensus::LiftedGuards lifted;
    bool send_before_sync = false; // votes leave before their records are durable
    bool forget_log = false;       // a restart finds an empty log and votes on
    // The records before a decision are dropped, as if the ledger were durable, though its block
    // still has to be fetched.
    bool decision_replaces_log = false;
};

struct Cluster {
    std::size_t members = 4;
    std::size_t quorum = 3;
    std::size_t byzantine = 1;
    Sabotage sabotage;
};

enum class Outcome : std::uint8_t {
    decided,     // all honest members, on one ledger
    halted,      // fewer than a quorum are honest: nothing more can be asked
    fork,        // two honest members decided differently
    double_vote, // an honest member contradicted itself
    unfounded,   // an honest member passed on a certificate that nobody could have made
    accused,     // an honest member's statements count as evidence against it
    flooded,     // something that must stay bounded grew
    stuck,       // the network is good, a quorum is honest, and nothing is decided
};
inline constexpr std::size_t outcomes = 8;
std::string_view to_string(Outcome outcome);
inline bool is_failure(Outcome outcome) {
    return outcome != Outcome::decided && outcome != Outcome::halted;
}

// Situations that runs must reach for their result to mean something.
enum class Mark : std::uint8_t {
    prepare_certificate,
    skip_certificate,
    reproposal,
    fresh_after_skip,
    late_attempt_decides,
    jump,
    crash,
    crash_loses_records,
    crash_tears_batch,
    restarted_leader_repeats,
    certificate_before_proposal,
    slow_validation,
    decision_before_block,
    equivocation_kept,
};
inline constexpr std::size_t marks = 14;
std::string_view to_string(Mark mark);
using Marks = std::array<std::uint64_t, marks>;

// `trace`: a line for each event, null for none.
Outcome run(const Cluster& cluster, std::uint64_t seed, Marks& reached, std::ostream* trace);

} // namespace hp::agree
