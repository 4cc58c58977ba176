// SPDX-License-Identifier: Apache-2.0
// The consensus engine: a pure state machine. Events in, effects out; no clock, no I/O, no threads,
// no randomness of its own, so the same events give the same effects everywhere and a recorded run
// can be replayed. The caller owns it on one thread, performs the effects in order and feeds back
// their completions.
//
// This version agrees alone: it makes ledgers while the quorum of the UNL is one member, itself.
// The cycle of a height H: open (pace) -> assemble the block from candidate inputs and the result
// of H-1 -> Persist -> Persisted -> statuses, Decided, Execute -> ResultReady -> open H+1.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>

#include "consensus/effect.hpp"
#include "consensus/event.hpp"
#include "consensus/input_pool.hpp"
#include "consensus/pace.hpp"
#include "consensus/validators.hpp"

namespace hp::consensus {

// Where the node stands after start-up.
struct Start {
    proto::SharedLedger head;   // null at genesis
    proto::SharedResult result; // of head, if its execution is committed; at genesis: seq 0 with
                                // the initial state and config hashes
    NonceRecords nonces;        // from the ledgers
};

class Engine {
public:
    Engine(Params params, Identity identity, Start start, Instant now, Effects& out);

    // Total: any event at any time is answered, never throws, never blocks.
    void step(Instant now, const Event& event, Effects& out);

    // --- for status and tests ---
    LedgerId lcl() const { return lcl_; }
    proto::VoteStatus vote_status() const { return vote_status_; }
    const Validators& validators() const { return validators_; }
    // The quorum is this node's own vote.
    bool can_decide_alone() const;
    std::size_t candidates() const { return pool_.size(); }

private:
    enum class Phase : std::uint8_t { executing, waiting, persisting };

    void on(Instant now, const Tick&, Effects& out);
    void on(Instant now, const UserJoined& event, Effects& out);
    void on(Instant now, const UserLeft& event, Effects& out);
    void on(Instant now, const InputIn& event, Effects& out);
    void on(Instant now, const InputVerified& event, Effects& out);
    void on(Instant now, const Persisted& event, Effects& out);
    void on(Instant now, const ResultReady& event, Effects& out);
    void on(Instant now, const ConfigChanged& event, Effects& out);

    bool outputs_wait() const;
    void open_if_due(Instant now, Effects& out);
    void open(Instant now, Effects& out);
    proto::SharedLedger assemble(Instant now, std::vector<proto::SharedInput> inputs) const;
    void decided(const proto::SharedLedger& ledger, Effects& out);
    void set_vote_status(proto::VoteStatus status, Effects& out);
    static TellStatus rejection(const proto::SignedInput& input, proto::RejectReason reason);

    Params params_;
    Identity identity_;
    Validators validators_;
    Pace pace_;
    NonceRecords nonces_;
    InputPool pool_;
    std::set<PublicKey> users_; // connected

    Phase phase_ = Phase::waiting;
    LedgerId lcl_;
    TimeMs lcl_time_ms_ = 0;
    proto::SharedResult result_;                  // of lcl_, null while executing
    proto::SharedLedger proposed_;                // while persisting
    std::vector<Rejection> refused_;              // at assembly, told when the ledger is decided
    std::optional<std::int64_t> inputs_since_us_; // arrival of the oldest ready input
    std::optional<std::int64_t> wake_us_;         // the tick asked for
    proto::VoteStatus vote_status_ = proto::VoteStatus::unknown;
};

} // namespace hp::consensus
