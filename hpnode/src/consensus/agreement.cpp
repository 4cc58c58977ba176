// SPDX-License-Identifier: Apache-2.0
#include "consensus/agreement.hpp"

#include <algorithm>

#include "consensus/params.hpp"
#include "hp/base/check.hpp"
#include "hp/base/codec.hpp"

namespace hp::consensus {
namespace {

// What may be voted for: a block is named by its digest, SKIP names nothing.
bool is_vote(StatementKind kind, const Hash32& digest) {
    switch (kind) {
    case StatementKind::prepare:
    case StatementKind::commit:
        return !digest.is_zero();
    case StatementKind::skip:
        return digest.is_zero();
    default:
        return false;
    }
}

// A vote that excludes one of `kind` in the same attempt.
std::optional<StatementKind> excluded_by(StatementKind kind) {
    switch (kind) {
    case StatementKind::commit:
        return StatementKind::skip;
    case StatementKind::skip:
        return StatementKind::commit;
    default:
        return std::nullopt;
    }
}

template <class Attempts>
auto newest(const Attempts& attempts) {
    const std::size_t surplus =
        attempts.size() - std::min<std::size_t>(attempts.size(), params::attempt_window);
    return std::next(attempts.begin(), static_cast<std::ptrdiff_t>(surplus));
}

} // namespace

Agreement::Agreement(Setup setup, const std::vector<LogRecord>& restored)
    : setup_(std::move(setup)) {
    HP_CHECK(!setup_.leaders.empty(), "somebody must lead");
    HP_CHECK(std::is_sorted(setup_.members.begin(), setup_.members.end()), "members ascend");
    HP_CHECK(holds(Guard::quorum_is_majority, setup_.quorum * 2 > setup_.members.size()),
             "two quorums must share a member");
    HP_CHECK(setup_.quorum <= setup_.members.size(), "the quorum must be possible");
    HP_CHECK(!setup_.self || index_of(*setup_.self), "who votes is a member");
    for (const LogRecord& record : restored) {
        if (record.height == setup_.height) {
            restore(record);
        }
    }
    AgreementOutput unused; // R8 again; a record lost with the crash is made again when needed
    leave_if_prepared(unused);
}

// What was signed or acted on happened in an attempt this member had entered.
void Agreement::restore(const LogRecord& record) {
    switch (record.kind) {
    case LogRecord::Kind::prepared:
        if (!is_lifted(Guard::restored_prepared)) {
            prepared_[record.attempt] = record.digest;
            current_ = std::max(current_, record.attempt);
        }
        return;
    case LogRecord::Kind::committed:
        if (!is_lifted(Guard::restored_committed)) {
            committed_[record.attempt] = record.digest;
            current_ = std::max(current_, record.attempt);
        }
        return;
    case LogRecord::Kind::skipped:
        if (!is_lifted(Guard::restored_skipped)) {
            skipped_.insert(record.attempt);
            current_ = std::max(current_, record.attempt);
        }
        return;
    case LogRecord::Kind::certificate:
        if (record.certificate->kind == StatementKind::prepare) {
            if (!is_lifted(Guard::restored_prepare_certificate)) {
                keep_prepared(record.certificate);
                current_ = std::max(current_, record.attempt);
            }
        } else if (!is_lifted(Guard::restored_skip_certificates)) {
            keep_skipped(record.certificate);
            current_ = std::max(current_, record.attempt + 1);
        }
        return;
    }
}

const PublicKey& Agreement::leader(Attempt attempt) const {
    return setup_.leaders[attempt % setup_.leaders.size()];
}

// --- proposals -------------------------------------------------------------------------------

std::optional<Agreement::Proposal> Agreement::proposal() const {
    if (decided_ || setup_.self != leader(current_) || skipped_.count(current_) != 0 ||
        !holds(Guard::propose_once, !proposed_)) {
        return std::nullopt;
    }
    std::optional<Justification> why = justification();
    if (!why) {
        return std::nullopt;
    }
    Hash32 digest = why->prepared ? why->prepared->digest : Hash32{};
    // It may have been sent before a restart: the same again, or nothing.
    const auto own = prepared_.find(current_);
    if (own != prepared_.end() && !is_lifted(Guard::propose_same_after_restart)) {
        if (why->prepared && own->second != digest) {
            return std::nullopt;
        }
        digest = own->second;
    }
    return Proposal{digest, *std::move(why)};
}

void Agreement::proposed() {
    proposed_ = true;
}

// The highest prepare certificate below the current attempt, and skip certificates from there on.
std::optional<Justification> Agreement::justification() const {
    Justification why;
    Attempt next = 0;
    if (highest_prepared_) {
        if (highest_prepared_->attempt >= current_) {
            return std::nullopt; // there is a certificate already, nothing left to propose
        }
        why.prepared = highest_prepared_;
        next = highest_prepared_->attempt + 1;
    }
    for (; next < current_; ++next) {
        const auto found = skip_certificates_.find(next);
        if (found == skip_certificates_.end()) {
            return std::nullopt;
        }
        why.skipped.push_back(found->second);
    }
    return why;
}

bool Agreement::is_justified(const Propose& propose) const {
    const Justification& why = propose.why;
    Attempt next = 0;
    if (why.prepared) {
        if (!holds(Guard::justification_kind, why.prepared->kind == StatementKind::prepare) ||
            !is_valid(*why.prepared) ||
            !holds(Guard::justification_same_digest,
                   why.prepared->digest == propose.block->digest)) {
            return false;
        }
        next = why.prepared->attempt + 1;
    }
    for (const SharedCertificate& certificate : why.skipped) {
        if (!holds(Guard::justification_kind, certificate->kind == StatementKind::skip) ||
            !is_valid(*certificate) ||
            !holds(Guard::justification_complete, certificate->attempt == next)) {
            return false;
        }
        ++next;
    }
    return holds(Guard::justification_complete, next == propose.attempt);
}

bool Agreement::admits(const Propose& propose, AgreementOutput& out) {
    if (decided_ || propose.height != setup_.height) {
        return false;
    }
    if (propose.why.prepared) {
        on_certificate(propose.why.prepared, out);
    }
    for (const SharedCertificate& certificate : propose.why.skipped) {
        on_certificate(certificate, out);
    }
    if (!holds(Guard::proposed_by_leader, propose.by.member == leader(propose.attempt)) ||
        !holds(Guard::proposal_justified, is_justified(propose)) ||
        !holds(Guard::proposal_current, propose.attempt >= current_)) {
        return false;
    }
    enter(propose.attempt, out);
    const Noted noted = note({StatementKind::propose, propose.height, propose.attempt,
                              propose.block->digest, propose.by});
    if (!holds(Guard::first_proposal_only, noted != Noted::conflicting) ||
        !may_prepare(propose.attempt)) {
        return false;
    }
    admitted_ = propose.block->digest;
    return true;
}

bool Agreement::may_prepare(Attempt attempt) const {
    return setup_.self && !decided_ && holds(Guard::proposal_current, attempt == current_) &&
           holds(Guard::prepare_once, prepared_.count(attempt) == 0) &&
           holds(Guard::prepare_not_after_skip, skipped_.count(attempt) == 0) &&
           holds(Guard::prepare_not_after_commit, committed_.count(attempt) == 0);
}

void Agreement::on_valid(Attempt attempt, const SharedBlock& block, AgreementOutput& out) {
    if (admitted_ != block->digest || !may_prepare(attempt)) {
        return;
    }
    prepared_[attempt] = block->digest;
    out.log.push_back(
        {LogRecord::Kind::prepared, setup_.height, attempt, block->digest, block, nullptr});
    out.votes.push_back({StatementKind::prepare, attempt, block->digest});
}

// --- votes and certificates --------------------------------------------------------------------

std::optional<std::size_t> Agreement::index_of(const PublicKey& member) const {
    const auto found = std::lower_bound(setup_.members.begin(), setup_.members.end(), member);
    if (found == setup_.members.end() || *found != member) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(found - setup_.members.begin());
}

bool Agreement::is_in_window(Attempt attempt) const {
    const Attempt distance = attempt > current_ ? attempt - current_ : current_ - attempt;
    return holds(Guard::vote_in_window, distance <= params::attempt_window);
}

Agreement::Noted Agreement::note(const Vote& vote) {
    const auto index = index_of(vote.by.member);
    if (!index || !is_in_window(vote.attempt)) {
        return Noted::ignored;
    }
    Tally& tally = tallies_[{vote.kind, vote.attempt}];
    tally.votes.resize(setup_.members.size());
    std::optional<Vote>& kept = tally.votes[*index];
    if (kept) {
        if (kept->digest == vote.digest) {
            return Noted::repeated;
        }
        keep_evidence(*kept, vote);
        return Noted::conflicting;
    }
    kept = vote;
    if (const auto excluded = excluded_by(vote.kind)) {
        const auto other = tallies_.find({*excluded, vote.attempt});
        if (other != tallies_.end() && other->second.votes[*index]) {
            keep_evidence(*other->second.votes[*index], vote);
        }
    }
    return Noted::first;
}

void Agreement::keep_evidence(const Vote& earlier, const Vote& later) {
    const bool known =
        std::any_of(equivocations_.begin(), equivocations_.end(),
                    [&later](const auto& pair) { return pair.first.by.member == later.by.member; });
    if (!known) {
        equivocations_.emplace_back(earlier, later);
    }
}

void Agreement::on_vote(const Vote& vote, AgreementOutput& out) {
    if (decided_ || !holds(Guard::vote_height, vote.height == setup_.height) ||
        !is_vote(vote.kind, vote.digest)) {
        return;
    }
    const Noted noted = note(vote);
    if (noted == Noted::ignored || noted == Noted::conflicting ||
        !holds(Guard::vote_counted_once, noted == Noted::first)) {
        return;
    }
    const std::size_t count = ++tallies_[{vote.kind, vote.attempt}].counts[vote.digest];
    if (holds(Guard::quorum_of_votes, count == setup_.quorum)) {
        act_on(make_certificate(vote), out);
    }
}

// Of all votes that say the same as `like`.
SharedCertificate Agreement::make_certificate(const Vote& like) const {
    auto made = std::make_shared<Certificate>();
    made->kind = like.kind;
    made->height = like.height;
    made->attempt = like.attempt;
    made->digest = like.digest;
    for (const std::optional<Vote>& vote : tallies_.at({like.kind, like.attempt}).votes) {
        if (vote && vote->digest == like.digest) {
            made->votes.push_back(vote->by);
        }
    }
    return made;
}

bool Agreement::is_valid(const Certificate& certificate) const {
    if (!holds(Guard::certificate_height, certificate.height == setup_.height) ||
        !holds(Guard::certificate_digest, is_vote(certificate.kind, certificate.digest)) ||
        !holds(Guard::certificate_quorum, certificate.votes.size() >= setup_.quorum)) {
        return false;
    }
    const PublicKey* previous = nullptr;
    for (const Signed& vote : certificate.votes) {
        if (!holds(Guard::certificate_of_members, index_of(vote.member).has_value()) ||
            !holds(Guard::certificate_distinct, previous == nullptr || *previous < vote.member)) {
            return false;
        }
        previous = &vote.member;
    }
    return true;
}

void Agreement::on_certificate(const SharedCertificate& certificate, AgreementOutput& out) {
    if (!decided_ && is_valid(*certificate)) {
        act_on(certificate, out);
    }
}

void Agreement::act_on(const SharedCertificate& certificate, AgreementOutput& out) {
    switch (certificate->kind) {
    case StatementKind::prepare:
        return learn_prepared(certificate, out);
    case StatementKind::skip:
        return learn_skipped(certificate, out);
    case StatementKind::commit: // R9
        decided_ = certificate;
        out.decided = certificate;
        return;
    default:
        return;
    }
}

bool Agreement::keep_prepared(const SharedCertificate& certificate) {
    if (highest_prepared_ && highest_prepared_->attempt >= certificate->attempt) {
        return false;
    }
    highest_prepared_ = certificate;
    skip_certificates_.erase(skip_certificates_.begin(),
                             skip_certificates_.lower_bound(certificate->attempt));
    return true;
}

bool Agreement::keep_skipped(const SharedCertificate& certificate) {
    if (highest_prepared_ && highest_prepared_->attempt > certificate->attempt) {
        return false;
    }
    return skip_certificates_.emplace(certificate->attempt, certificate).second;
}

void Agreement::log_certificate(const SharedCertificate& certificate, AgreementOutput& out) const {
    out.log.push_back({LogRecord::Kind::certificate, setup_.height, certificate->attempt,
                       certificate->digest, nullptr, certificate});
    out.certificates.push_back(certificate);
}

// R5. The vote is not bound to the certificate being new: a crash may have kept the one and lost
// the other.
void Agreement::learn_prepared(const SharedCertificate& certificate, AgreementOutput& out) {
    if (keep_prepared(certificate)) {
        log_certificate(certificate, out);
    }
    if (!holds(Guard::commit_not_behind, certificate->attempt >= current_)) {
        return;
    }
    enter(certificate->attempt, out);
    commit(certificate->attempt, certificate->digest, out);
    leave_if_prepared(out);
}

void Agreement::commit(Attempt attempt, const Hash32& digest, AgreementOutput& out) {
    if (!setup_.self || !holds(Guard::commit_not_after_skip, skipped_.count(attempt) == 0) ||
        !holds(Guard::commit_once, committed_.count(attempt) == 0)) {
        return;
    }
    committed_[attempt] = digest;
    out.log.push_back(
        {LogRecord::Kind::committed, setup_.height, attempt, digest, nullptr, nullptr});
    out.votes.push_back({StatementKind::commit, attempt, digest});
}

// R7
void Agreement::learn_skipped(const SharedCertificate& certificate, AgreementOutput& out) {
    if (keep_skipped(certificate)) {
        log_certificate(certificate, out);
    }
    const Attempt last = certificate->attempt;
    if (last < current_) {
        return;
    }
    if (!is_lifted(Guard::skip_what_is_left)) {
        const Attempt surplus = std::max(last, params::attempt_window) - params::attempt_window;
        for (Attempt left = std::max(current_, surplus); left != last + 1; ++left) {
            skip(left, out);
        }
    }
    enter(last + 1, out);
}

// --- time --------------------------------------------------------------------------------------

// R6
void Agreement::on_timer(Attempt attempt, AgreementOutput& out) {
    if (decided_ || !holds(Guard::timer_current, attempt == current_)) {
        return;
    }
    expired_ = true;
    skip(attempt, out);
    leave_if_prepared(out);
}

void Agreement::skip(Attempt attempt, AgreementOutput& out) {
    if (!setup_.self || !holds(Guard::skip_not_after_commit, committed_.count(attempt) == 0) ||
        !holds(Guard::skip_once, skipped_.count(attempt) == 0)) {
        return;
    }
    skipped_.insert(attempt);
    out.log.push_back(
        {LogRecord::Kind::skipped, setup_.height, attempt, Hash32{}, nullptr, nullptr});
    out.votes.push_back({StatementKind::skip, attempt, Hash32{}});
}

// R8
void Agreement::leave_if_prepared(AgreementOutput& out) {
    if (highest_prepared_ && highest_prepared_->attempt == current_ &&
        holds(Guard::leave_after_timer, expired_ || skipped_.count(current_) != 0)) {
        enter(current_ + 1, out);
    }
}

void Agreement::enter(Attempt attempt, AgreementOutput& out) {
    if (attempt <= current_) {
        return;
    }
    current_ = attempt;
    expired_ = false;
    proposed_ = false;
    admitted_.reset();
    out.entered = true;
    std::erase_if(tallies_,
                  [this](const auto& entry) { return !is_in_window(entry.first.second); });
}

// All of them when they are few; else the newest, which bring members here, and some of the others
// in turn, which a leader that was absent needs for its justification.
void Agreement::repeat_skip_certificates(AgreementOutput& out) {
    const std::size_t count = skip_certificates_.size();
    const bool all = count <= params::attempt_window;
    std::size_t old = all ? 0 : params::attempt_window / 2;
    auto next = skip_certificates_.lower_bound(repeat_from_);
    for (; old > 0; --old) {
        next = next == skip_certificates_.end() ? skip_certificates_.begin() : next;
        out.certificates.push_back(next->second);
        repeat_from_ = next->first + 1;
        ++next;
    }
    const std::size_t newest_count = all ? count : params::attempt_window / 2;
    for (auto it = std::prev(skip_certificates_.end(), static_cast<std::ptrdiff_t>(newest_count));
         it != skip_certificates_.end(); ++it) {
        out.certificates.push_back(it->second);
    }
}

void Agreement::repeat(AgreementOutput& out) {
    if (decided_) {
        out.certificates.push_back(decided_);
        return;
    }
    if (highest_prepared_) {
        out.certificates.push_back(highest_prepared_);
    }
    repeat_skip_certificates(out);
    // Below the highest prepare certificate only COMMIT can still matter.
    const Attempt from = highest_prepared_ ? highest_prepared_->attempt : 0;
    for (auto it = newest(prepared_); it != prepared_.end(); ++it) {
        if (it->first >= from) {
            out.votes.push_back({StatementKind::prepare, it->first, it->second});
        }
    }
    for (auto it = newest(committed_); it != committed_.end(); ++it) {
        out.votes.push_back({StatementKind::commit, it->first, it->second});
    }
    for (auto it = newest(skipped_); it != skipped_.end(); ++it) {
        if (*it >= from) {
            out.votes.push_back({StatementKind::skip, *it, Hash32{}});
        }
    }
}

bool Agreement::may_need(const Hash32& digest) const {
    const auto names = [&digest](const auto& entry) { return entry.second == digest; };
    return (highest_prepared_ && highest_prepared_->digest == digest) ||
           (decided_ && decided_->digest == digest) ||
           std::any_of(prepared_.begin(), prepared_.end(), names);
}

bool Agreement::has_voted(StatementKind kind, Attempt attempt, const Hash32& digest) const {
    const auto cast = [&](const std::map<Attempt, Hash32>& votes) {
        const auto found = votes.find(attempt);
        return found != votes.end() && found->second == digest;
    };
    switch (kind) {
    case StatementKind::prepare:
        return cast(prepared_);
    case StatementKind::commit:
        return cast(committed_);
    case StatementKind::skip:
        return skipped_.count(attempt) != 0;
    default:
        return false;
    }
}

// --- for tests ---------------------------------------------------------------------------------

Bytes Agreement::fingerprint() const {
    Writer out;
    const auto certificate = [&out](const SharedCertificate& made) {
        out.u8(made ? static_cast<std::uint8_t>(made->kind) : 0);
        out.u32(made ? made->attempt : 0);
        out.fixed(made ? made->digest : Hash32{});
    };
    const auto votes = [&out](const std::map<Attempt, Hash32>& cast) {
        out.u32(static_cast<std::uint32_t>(cast.size()));
        for (const auto& [attempt, digest] : cast) {
            out.u32(attempt);
            out.fixed(digest);
        }
    };
    out.u32(current_);
    out.u8(expired_ ? 1 : 0);
    out.u8(proposed_ ? 1 : 0);
    out.u32(repeat_from_);
    out.u8(admitted_ ? 1 : 0);
    out.fixed(admitted_.value_or(Hash32{}));
    votes(prepared_);
    votes(committed_);
    out.u32(static_cast<std::uint32_t>(skipped_.size()));
    for (const Attempt attempt : skipped_) {
        out.u32(attempt);
    }
    certificate(highest_prepared_);
    certificate(decided_);
    out.u32(static_cast<std::uint32_t>(skip_certificates_.size()));
    for (const auto& [attempt, made] : skip_certificates_) {
        out.u32(attempt);
    }
    out.u32(static_cast<std::uint32_t>(tallies_.size()));
    for (const auto& [key, tally] : tallies_) {
        out.u8(static_cast<std::uint8_t>(key.first));
        out.u32(key.second);
        for (const std::optional<Vote>& vote : tally.votes) {
            out.u8(vote ? 1 : 0);
            out.fixed(vote ? vote->digest : Hash32{});
        }
    }
    return out.take();
}

} // namespace hp::consensus
