// SPDX-License-Identifier: Apache-2.0
// Agreement on one height: rules R3 to R9 of consensus.md 6.4.4, and nothing else. It knows
// attempts, votes and certificates, and blocks only by their digests; whether a block is valid, how
// votes are signed, sent and made durable is the engine's business. The rules that carry safety:
// a member never signs both SKIP and COMMIT of one attempt, signs at most one PREPARE per attempt,
// and prepares only what the certificates of earlier attempts allow.
//
// Every vote and every certificate acted on goes out as a LogRecord first: the caller makes `log`
// durable, then signs and sends `votes` and `certificates`, in this order, and hands its own signed
// votes back through on_vote(). A leader does the same with its own proposal: admits(), on_valid(),
// and PROPOSE leaves once the record is durable, so that a restart cannot make it propose another.
// Pure; one owner; no allocation that depends on addresses.
#pragma once

#include <map>
#include <set>

#include "consensus/guards.hpp"
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
    // prepared: bodies of the block's inputs, so that what a quorum has prepared is never lost. The
    // engine adds them.
    std::vector<proto::SharedInput> inputs{};
    // Of the members it is for (unl_hash()): means nothing to others. The engine adds it.
    Hash32 unl_hash{};
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
        // leader(a) = leaders[a mod size]: all members, those expected to be alive first.
        std::vector<PublicKey> leaders;
        std::size_t quorum = 0;
        std::optional<PublicKey> self; // empty: follows without voting
        LiftedGuards lifted;           // none but in tests of the tests
    };
    // `restored`: this height's records from the log, in the order written.
    Agreement(Setup setup, const std::vector<LogRecord>& restored);

    Attempt current() const { return current_; }
    const PublicKey& leader(Attempt attempt) const;

    // R3: what this member, as leader of the current attempt, has to propose. Empty: it is not the
    // leader, has proposed already, or lacks the certificates. A zero digest: a block of its own;
    // else the block of this digest, which is in the log if this member has voted for it.
    struct Proposal {
        Hash32 digest;
        Justification why;
    };
    std::optional<Proposal> proposal() const;
    void proposed(); // the proposal of the current attempt is sent

    // R4 in two steps, because a block is validated (and its parts fetched) in between. The first
    // says whether the proposal is admissible now: from the leader, its first of the attempt, not
    // behind the current attempt, not voted on, justified. A justified proposal of a later attempt
    // takes this member there. Certificates of the justification are learnt either way.
    bool admits(const Propose& propose, AgreementOutput& out);
    // The block of an admitted proposal has been found valid. One with `why.prepared` has been
    // found so by a quorum: it must not be refused for what only this member knows (results it
    // holds, pace), or a digest that may be committed could never be proposed again.
    void on_valid(Attempt attempt, const SharedBlock& block, AgreementOutput& out);

    // Signatures have been checked. A conflicting vote of a member is kept as evidence.
    void on_vote(const Vote& vote, AgreementOutput& out);
    void on_certificate(const SharedCertificate& certificate, AgreementOutput& out);
    // R6, R8. Ignored unless it is the current attempt.
    void on_timer(Attempt attempt, AgreementOutput& out);

    // Everything this member has to repeat until the height is decided, also after a restart: its
    // votes so far that still matter, and the certificates that brought it here. Once decided: the
    // commit certificate, for members that are behind.
    void repeat(AgreementOutput& out);

    // Whether a decision for this block may need this member's copy of it.
    bool may_need(const Hash32& digest) const;
    // Whether this member has cast this vote, as far as it knows.
    bool has_voted(StatementKind kind, Attempt attempt, const Hash32& digest) const;
    // From now on it follows. What it has said stands, and is repeated.
    void stop_voting() { setup_.self.reset(); }

    bool is_decided() const { return decided_ != nullptr; }
    // Pairs of contradictory signed statements (proposals too), bounded: the first of each member.
    const std::vector<std::pair<Vote, Vote>>& equivocations() const { return equivocations_; }

    // Everything that influences later behaviour: equal bytes, equal behaviour. For the searches
    // and comparisons of tests.
    Bytes fingerprint() const;

private:
    struct Tally {
        std::vector<std::optional<Vote>> votes; // by member index
        std::map<Hash32, std::size_t> counts;
    };
    enum class Noted : std::uint8_t { ignored, first, repeated, conflicting };

    bool is_lifted(Guard guard) const { return setup_.lifted.contains(guard); }
    bool holds(Guard guard, bool condition) const {
        return consensus::holds(setup_.lifted, guard, condition);
    }

    void restore(const LogRecord& record);
    std::optional<std::size_t> index_of(const PublicKey& member) const;
    bool is_in_window(Attempt attempt) const;
    bool is_valid(const Certificate& certificate) const;
    bool is_justified(const Propose& propose) const;
    bool may_prepare(Attempt attempt) const;
    std::optional<Justification> justification() const;

    Noted note(const Vote& vote);
    void keep_evidence(const Vote& earlier, const Vote& later);
    SharedCertificate make_certificate(const Vote& like) const;
    void act_on(const SharedCertificate& certificate, AgreementOutput& out);
    void learn_prepared(const SharedCertificate& certificate, AgreementOutput& out);
    void learn_skipped(const SharedCertificate& certificate, AgreementOutput& out);
    bool keep_prepared(const SharedCertificate& certificate); // whether it is news
    bool keep_skipped(const SharedCertificate& certificate);
    void log_certificate(const SharedCertificate& certificate, AgreementOutput& out) const;
    void commit(Attempt attempt, const Hash32& digest, AgreementOutput& out);
    void skip(Attempt attempt, AgreementOutput& out);
    void leave_if_prepared(AgreementOutput& out);
    void enter(Attempt attempt, AgreementOutput& out);
    void repeat_skip_certificates(AgreementOutput& out);

    Setup setup_;
    Attempt current_ = 0;
    // Durable: this member's own votes.
    std::map<Attempt, Hash32> prepared_;
    std::map<Attempt, Hash32> committed_;
    std::set<Attempt> skipped_;
    // Durable: certificates acted on. Of prepare certificates only the highest matters, and skip
    // certificates below it never again.
    SharedCertificate highest_prepared_;
    std::map<Attempt, SharedCertificate> skip_certificates_;
    // Volatile. The first three are about the current attempt.
    bool expired_ = false;
    bool proposed_ = false;
    std::optional<Hash32> admitted_;
    std::map<std::pair<StatementKind, Attempt>, Tally> tallies_; // attempts of the window
    Attempt repeat_from_ = 0; // of the old skip certificates, the next ones' turn
    SharedCertificate decided_;
    std::vector<std::pair<Vote, Vote>> equivocations_;
};

} // namespace hp::consensus
