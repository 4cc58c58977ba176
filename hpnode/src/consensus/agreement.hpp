// SPDX-License-Identifier: Apache-2.0
// Agreement on one height: rules R3 to R9 of consensus.md 6.4.4, and nothing else. It knows
// attempts, votes and certificates, and blocks only by their digests; whether a block is valid, how
// votes are signed, sent and made durable is the engine's business. The rule that carries safety:
// a member never signs both SKIP and COMMIT of one attempt, and at most one PREPARE per attempt.
//
// Every vote and every certificate acted on goes out as a LogRecord first: the caller makes `log`
// durable, then signs and sends `votes` and `certificates`, in this order, and hands its own signed
// votes back through on_vote(). Pure; one owner; no allocation that depends on addresses.
#pragma once

#include <map>
#include <set>

#include "consensus/messages.hpp"

namespace hp::consensus {

// Durable before it is acted on (6.4.8). Also what a restart gives back.
struct LogRecord {
    enum class Kind : std::uint8_t { prepared = 1, committed = 2, skipped = 3, certificate = 4 };
    Kind kind = Kind::prepared;
    LedgerSeq height = 0;
    Attempt attempt = 0;
    Hash32 digest;                 // prepared, committed
    SharedBlock block;             // prepared: the block itself
    SharedCertificate certificate; // certificate: prepare or skip
};

// Unsigned vote of this member.
struct VoteIntent {
    StatementKind kind = StatementKind::prepare;
    Attempt attempt = 0;
    Hash32 digest;
};

struct AgreementOutput {
    std::vector<LogRecord> log;
    std::vector<VoteIntent> votes;
    std::vector<SharedCertificate> certificates; // formed or first seen now: broadcast once
    bool entered = false;                        // current() has changed: start its timer
    SharedCertificate decided;                   // a commit certificate: the height is over
};

class Agreement {
public:
    struct Setup {
        LedgerSeq height = 0;
        std::vector<PublicKey> members; // ascending
        std::vector<PublicKey> leaders; // leader(a) = leaders[a mod size]; not empty
        std::size_t quorum = 0;
        std::optional<PublicKey> self; // empty: follows without voting
    };
    // `restored`: this height's records from the log, in the order written.
    Agreement(Setup setup, const std::vector<LogRecord>& restored);

    Attempt current() const { return current_; }
    const PublicKey& leader(Attempt attempt) const;

    // R3: what this member, as leader of the current attempt, has to propose. Empty: it is not the
    // leader, has proposed already, or lacks the certificates. A zero digest: a block of its own.
    struct Proposal {
        Hash32 digest;
        Justification why;
    };
    std::optional<Proposal> proposal() const;
    void proposed(); // the proposal of the current attempt is sent

    // R4 in two steps, because a block is validated (and its parts fetched) in between. The first
    // says whether the proposal is admissible now: from the leader, of the current attempt, not
    // voted on, justified. Certificates of the justification are learnt either way.
    bool admits(const Propose& propose, AgreementOutput& out);
    // The block of an admitted proposal has been found valid.
    void on_valid(Attempt attempt, const SharedBlock& block, AgreementOutput& out);

    // Signatures have been checked. A conflicting vote of a member is kept as evidence.
    void on_vote(const Vote& vote, AgreementOutput& out);
    void on_certificate(const SharedCertificate& certificate, AgreementOutput& out);
    // R6, R8. Ignored unless it is the current attempt.
    void on_timer(Attempt attempt, AgreementOutput& out);

    // Everything this member has to repeat until the height is decided: its votes so far, and the
    // certificates that brought it here.
    void repeat(AgreementOutput& out) const;

    bool is_decided() const { return decided_ != nullptr; }
    // Pairs of contradictory signed votes, bounded: the first for each member.
    const std::vector<std::pair<Vote, Vote>>& equivocations() const { return equivocations_; }

private:
    struct Tally {
        std::vector<std::optional<Vote>> votes; // by member index
        std::map<Hash32, std::size_t> counts;
    };
    std::optional<std::size_t> index_of(const PublicKey& member) const;
    bool is_valid(const Certificate& certificate) const;
    bool is_justified(const Propose& propose) const;
    void learn_prepared(const SharedCertificate& certificate, AgreementOutput& out);
    void learn_skipped(const SharedCertificate& certificate, AgreementOutput& out);
    void decide(const SharedCertificate& certificate, AgreementOutput& out);
    void skip(Attempt attempt, AgreementOutput& out);
    void enter(Attempt attempt, AgreementOutput& out);

    Setup setup_;
    Attempt current_ = 0;
    // Durable: this member's own votes.
    std::map<Attempt, Hash32> prepared_;
    std::map<Attempt, Hash32> committed_;
    std::set<Attempt> skipped_;
    // Durable: certificates acted on.
    std::map<Attempt, SharedCertificate> prepare_certificates_;
    std::map<Attempt, SharedCertificate> skip_certificates_;
    // Volatile.
    std::map<std::pair<StatementKind, Attempt>, Tally> tallies_;
    std::set<Attempt> expired_;
    std::set<Attempt> proposed_;
    SharedCertificate decided_;
    std::vector<std::pair<Vote, Vote>> equivocations_;
};

} // namespace hp::consensus
