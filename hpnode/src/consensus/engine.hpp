// SPDX-License-Identifier: Apache-2.0
// The consensus engine of one node (docs/consensus.md): a pure state machine. Events in, effects
// out; no clock, no I/O, no threads, no randomness of its own, so the same events give the same
// effects everywhere and a recorded run can be replayed. The caller owns it on one thread, performs
// the effects in order and feeds back their completions. A cluster of one runs the same code.
//
// The cycle of a height: open (pace, or pulled along by others) -> the leader of the attempt
// proposes a block -> votes (Agreement) -> a commit certificate decides -> Persist -> Persisted ->
// statuses, Decided -> ConfigInForce -> the next height begins, while the contract executes.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "consensus/awaited_parts.hpp"
#include "consensus/effect.hpp"
#include "consensus/event.hpp"
#include "consensus/execution.hpp"
#include "consensus/fetched_ledgers.hpp"
#include "consensus/height.hpp"
#include "consensus/input_pool.hpp"
#include "consensus/pace.hpp"
#include "consensus/signer.hpp"
#include "consensus/validators.hpp"

namespace hp::consensus {

// Where the node stands after start-up.
struct Start {
    proto::SharedLedger head;        // null at genesis
    SharedCertifiedLedger certified; // of head: its certificate, and who took part
    proto::SharedResult result;      // what the state reflects, of any ledger up to head; the one
                                     // before head when head's execution was cut off; at genesis:
                                     // seq 0 with the initial state and config hashes
    NonceRecords nonces;             // from the ledgers
    std::vector<LogRecord> log;      // votes for the ledger after head, in the order written
};

class Engine {
public:
    // `signer` must outlive the engine.
    Engine(Params params, Identity identity, const Signer& signer, Start start, Instant now,
           Effects& out);

    // Total: any event at any time is answered, never throws, never blocks.
    void step(Instant now, const Event& event, Effects& out);

    // False when the message proves a vote of this node, at a height not decided here, that it does
    // not know of: tell it so with VotesForgotten before the message.
    bool remembers(const Message& message) const;
    // The node follows without voting. False again when a ledger is decided that cites an OPEN of
    // this start: then its height was open when the node started, so every forgotten vote was for
    // that ledger or an earlier one. The vote log has to know either before the next start.
    bool may_have_forgotten() const { return identity_.may_have_forgotten; }

    // --- for status and tests ---
    LedgerId lcl() const { return lcl_; }
    proto::VoteStatus vote_status() const { return vote_status_; }
    const Validators& validators() const { return validators_; }
    // What signatures at the height after lcl() are bound to.
    const Domain& domain() const { return domain_; }
    std::size_t candidates() const { return pool_.size(); }
    // Members this node has heard from at the current height and not too long ago, itself included.
    std::size_t members_heard(Instant now) const;
    // The newest ledger that members say they have, if that is beyond lcl().
    LedgerSeq newest_heard() const;
    // How many things of other members it keeps beside candidates and votes: bounded by the number
    // of members, whatever they send.
    std::size_t kept() const;
    Attempt attempt() const { return height_ ? height_->agreement().current() : 0; }

private:
    // events
    void on(Instant now, const Tick&, Effects& out);
    void on(Instant now, const UserJoined& event, Effects& out);
    void on(Instant now, const UserLeft& event, Effects& out);
    void on(Instant now, const InputIn& event, Effects& out);
    void on(Instant now, const InputVerified& event, Effects& out);
    void on(Instant now, const MessageIn& event, Effects& out);
    void on(Instant now, const PeerJoined& event, Effects& out);
    void on(Instant now, const VotesForgotten& event, Effects& out);
    void on(Instant now, const Logged& event, Effects& out);
    void on(Instant now, const Persisted& event, Effects& out);
    void on(Instant now, const Rejoin& event, Effects& out);
    void on(Instant now, const ResultReady& event, Effects& out);
    void on(Instant now, const ConfigInForce& event, Effects& out);

    // messages of other nodes
    void hear(Instant now, const PublicKey& from, const SharedOpen& open, Effects& out);
    void hear(Instant now, const PublicKey& from, const SignedResult& result, Effects& out);
    void hear(Instant now, const PublicKey& from, const Propose& propose, Effects& out);
    void hear(Instant now, const PublicKey& from, const Vote& vote, Effects& out);
    void hear(Instant now, const PublicKey& from, const SharedCertificate& cert, Effects& out);
    void hear(Instant now, const PublicKey& from, const Inputs& inputs, Effects& out);
    void hear(Instant now, const PublicKey& from, const SharedCertifiedLedger& ledger,
              Effects& out);
    void hear(Instant now, const PublicKey& from, const BlockBody& body, Effects& out);
    void hear(Instant now, const PublicKey& from, const GetInputs& get, Effects& out);
    void hear(Instant now, const PublicKey& from, const GetOpens& get, Effects& out);
    void hear(Instant now, const PublicKey& from, const GetBlock& get, Effects& out);
    void hear(Instant now, const PublicKey& from, const GetLedgers& get, Effects& out);
    // False when the message is not about the current height: kept for the next one, or answered
    // with the ledger that the sender lacks.
    bool is_current(Instant now, const PublicKey& from, LedgerSeq height, const Message& message,
                    Effects& out);
    void hear_ahead(const PublicKey& from, LedgerSeq height, const Message& message);
    void reach_ahead();
    void help_laggard(Instant now, const PublicKey& node, LedgerSeq height, Effects& out);

    // what is due
    void progress(Instant now, Effects& out);
    bool open_if_due(Instant now, Effects& out);
    bool propose_if_due(Instant now, Effects& out);
    bool validate_proposal(Instant now, Effects& out);
    void refuse(const Propose& propose, const Error& why, Effects& out);
    bool complete_decision(Instant now, Effects& out);
    bool run_timers(Instant now, Effects& out);
    void ask_ahead(Instant now, Effects& out);
    void ledger_came(Instant now);
    bool keep_ahead(Instant now, const PublicKey& from, const SharedCertifiedLedger& ledger);
    void take_fetched(Instant now, Effects& out);
    // What `awaited` says is missing has been asked for, and is.
    bool still_lacks(Instant now, AwaitedParts& awaited, const Hash32& block) const {
        return now.mono_us < fetch_at_us_ && awaited.lacks(block, *height_);
    }
    PublicKey next_holder(const std::vector<PublicKey>& holders);
    void ask_for_block(Instant now, const Hash32& digest, const Certificate& certificate,
                       Effects& out);
    // Whom it has asked, if it was time to.
    std::optional<PublicKey> ask_for_parts(Instant now, MissingParts missing,
                                           const std::vector<PublicKey>& holders, Effects& out);
    void repeat(Instant now, Effects& out);
    void request_wake(Instant now, Effects& out);
    bool may_open() const;
    std::int64_t open_due_us(Instant now) const;
    bool can_propose(Instant now) const;
    bool is_agreeing() const { return height_ && !persisting_ && !awaiting_config_; }

    // the life of a height
    void begin_height(Instant now, Effects& out);
    void forget_last_height();
    void open(Instant now, Effects& out);
    void announce_result(Instant now, Effects& out);
    void apply(Instant now, AgreementOutput output, Effects& out);
    void decide(const SharedBlock& block, const SharedCertificate& commit,
                std::vector<proto::SharedInput> inputs, Effects& out);
    proto::SharedLedger make_ledger(const Block& block,
                                    std::vector<proto::SharedInput> inputs) const;
    std::vector<std::pair<PublicKey, Signature>>
    root_signatures(const proto::LedgerHeader& header, const CertifiedLedger& certified) const;
    void settle_inputs(Effects& out);
    void set_vote_status(Instant now, Effects& out);
    proto::VoteStatus current_vote_status(Instant now) const;
    void send_after_log(Message message, Effects& out);
    void execute_next(Effects& out);
    void contradiction(const PublicKey& member, std::string_view what, Effects& out);
    Signed sign(StatementKind kind, const Hash32& digest) const;
    bool is_intact(const Block& block) const;
    bool holds(Guard guard, bool condition) const;
    bool is_member() const;
    bool may_vote() const;
    bool has_voted(StatementKind kind, LedgerSeq height, Attempt attempt,
                   const Hash32& digest) const;
    bool remembers(const Certificate& certificate) const;
    bool took_part() const; // in the newest ledger
    void remember(Effects& out);

    Params params_;
    Identity identity_;
    const Signer& signer_;
    Domain domain_;
    Validators validators_;
    Pace pace_;
    NonceRecords nonces_;
    InputPool pool_;
    Execution execution_;
    std::set<PublicKey> users_; // connected here
    // Of users connected here: told what becomes of them.
    std::set<proto::SharedInput, InputContentOrder> local_inputs_;
    std::set<Hash32> judged_inputs_; // asked for because a block needs them

    // The newest ledger, and what it proves.
    LedgerId lcl_;
    TimeMs lcl_time_ms_ = 0;
    proto::SharedLedger head_;
    SharedCertifiedLedger certified_;
    SharedCertifiedLedger certified_before_; // the one before, for members just behind

    std::unique_ptr<Height> height_; // null between a decision and the configuration after it
    bool awaiting_config_ = false;   // between Decided and ConfigInForce
    SharedOpen own_open_;
    std::int64_t opened_at_us_ = 0;
    std::uint64_t open_count_ = 0;    // of this incarnation
    std::optional<Propose> proposal_; // admitted, to be validated
    std::optional<Propose> own_proposal_;
    std::optional<std::int64_t> attempt_ends_; // timer of the current attempt
    std::int64_t repeat_at_us_ = 0;
    std::int64_t repeat_wait_us_ = 0; // before the time after that
    AwaitedParts awaited_to_propose_;
    AwaitedParts awaited_to_vote_;    // for proposal_
    AwaitedParts awaited_to_decide_;  // for undecided_commit_
    std::int64_t fetch_at_us_ = 0;    // not before: what is missing has been asked for
    std::int64_t catch_up_at_us_ = 0; // likewise for ledgers: neither may keep the other waiting
    std::int64_t catch_up_retry_us_ = params::fetch_retry_us;
    std::int64_t catch_up_since_us_ = 0; // waiting for the first of them; 0: not
    std::size_t fetch_turn_ = 0;
    Hash32 wanted_block_;                // asked for
    SharedCertificate undecided_commit_; // decides, but parts of the block are missing

    // A decided ledger on its way to the disk.
    proto::SharedLedger persisting_;
    SharedCertifiedLedger persisting_certified_;
    SharedSnapshot joined_; // when it does not follow the newest ledger here

    // Votes and certificates wait here for the log records before them.
    std::uint64_t log_number_ = 0;
    struct Gate {
        std::uint64_t number;
        std::int64_t since_us;
        std::vector<Message> messages;
    };
    std::deque<Gate> gates_;
    std::int64_t log_us_ = 0; // what a write of the log takes here now

    // Whose OPENs for this height or the last have come, however late. Leaders wait a little for
    // them next time, or a returning member that is slightly slower would never be cited again.
    std::set<PublicKey> opened_;
    // Members that say they are beyond this node's height.
    struct Ahead {
        LedgerSeq height = 0;
        std::vector<Message> said; // there, unless it is the next height
    };
    std::map<PublicKey, Ahead> ahead_;
    FetchedLedgers fetched_;                          // of those
    std::map<PublicKey, std::vector<Message>> early_; // for the next height
    std::map<PublicKey, std::int64_t> helped_at_us_;
    std::vector<LogRecord> restored_;                         // until the first height
    std::vector<std::pair<PublicKey, std::string>> reported_; // once each a height

    std::optional<std::int64_t> inputs_since_us_; // arrival of the oldest ready input
    std::optional<std::int64_t> wake_us_;         // the tick asked for
    proto::VoteStatus vote_status_ = proto::VoteStatus::unknown;
};

} // namespace hp::consensus
