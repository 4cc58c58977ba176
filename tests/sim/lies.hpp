// SPDX-License-Identifier: Apache-2.0
// What Byzantine members do beside being pairs of twins, by name. Values; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace hp::sim {

enum class Lie : std::uint8_t {
    sign_all, // signs whatever votes it hears of, and their contraries
    replay,   // repeats what it heard long ago
    flood,    // OPENs, RESULTs and votes without end
    results,  // another RESULT for everybody
    bodies,   // different content under one digest
    silence,  // says nothing to some members at some stages
    usurp,    // proposes when it is not its turn
    copies,   // inputs with another content under the same hash
    ledgers,  // answers who missed ledgers with ones that nobody decided
    // Only where signatures are checked: nobody could see through these.
    impersonate, // votes in the name of others
    sign_ahead,  // signs for the next height as if members never changed
    // Blocks that break a rule; each is proposed in place of an honest one.
    block_omits,           // an input that everybody holds
    block_replays,         // an input that is in the chain already
    block_expired,         // an input whose time is over
    block_early,           // an input whose time has not come
    block_unsigned,        // an input its user has not signed
    block_order,           // inputs out of order
    block_oversize,        // more of one user than allowed
    block_users,           // a user nobody has
    block_time,            // an hour ahead
    block_parent,          // another ledger before it
    block_nonce,           // not the group's
    block_recent,          // another memory of inputs
    block_few_opens,       // less than a quorum
    block_double_open,     // the same twice
    block_void,            // no result though there is one
    block_plurality,       // a result most do not have
    block_certified,       // a result only it has
    block_no_evidence,     // less than a quorum
    block_outputs,         // of a result that is not certified
    block_evidence_double, // the same member twice
    block_outsiders,       // results of keys that are nobody's
    last = block_outsiders,
};
constexpr std::size_t lie_count = static_cast<std::size_t>(Lie::last) + 1;

inline constexpr std::array<std::string_view, lie_count> lie_names{"sign_all",
                                                                   "replay",
                                                                   "flood",
                                                                   "results",
                                                                   "bodies",
                                                                   "silence",
                                                                   "usurp",
                                                                   "copies",
                                                                   "ledgers",
                                                                   "impersonate",
                                                                   "sign_ahead",
                                                                   "block_omits",
                                                                   "block_replays",
                                                                   "block_expired",
                                                                   "block_early",
                                                                   "block_unsigned",
                                                                   "block_order",
                                                                   "block_oversize",
                                                                   "block_users",
                                                                   "block_time",
                                                                   "block_parent",
                                                                   "block_nonce",
                                                                   "block_recent",
                                                                   "block_few_opens",
                                                                   "block_double_open",
                                                                   "block_void",
                                                                   "block_plurality",
                                                                   "block_certified",
                                                                   "block_no_evidence",
                                                                   "block_outputs",
                                                                   "block_evidence_double",
                                                                   "block_outsiders"};

class Lies {
public:
    constexpr Lies() = default;
    constexpr explicit Lies(Lie lie) { add(lie); }

    constexpr void add(Lie lie) { bits_ |= bit(lie); }
    constexpr void remove(Lie lie) { bits_ &= ~bit(lie); }
    constexpr bool has(Lie lie) const { return (bits_ & bit(lie)) != 0; }
    constexpr bool none() const { return bits_ == 0; }
    constexpr bool operator==(const Lies&) const = default;

private:
    static constexpr std::uint32_t bit(Lie lie) { return 1U << static_cast<unsigned>(lie); }
    std::uint32_t bits_ = 0;
};

constexpr bool is_about_signatures(Lie lie) {
    return lie == Lie::impersonate || lie == Lie::sign_ahead;
}

constexpr bool is_about_blocks(Lie lie) {
    return lie >= Lie::block_omits;
}

} // namespace hp::sim
