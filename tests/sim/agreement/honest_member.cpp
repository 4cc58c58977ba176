// SPDX-License-Identifier: Apache-2.0
#include "honest_member.hpp"

#include <algorithm>

namespace hp::agree {

using consensus::Agreement;
using consensus::AgreementOutput;
using consensus::LogRecord;
using consensus::SharedCertificate;
using consensus::StatementKind;
using consensus::Vote;

HonestMember::HonestMember(Agreement::Setup setup, const Sabotage& sabotage, bool votes_at_once,
                           Surroundings& surroundings, std::vector<LogRecord> log)
    : setup_(std::move(setup)), index_(member_index(*setup_.self)), sabotage_(sabotage),
      votes_at_once_(votes_at_once), around_(surroundings), log_(std::move(log)),
      agreement_(setup_, log_) {
    keep_logged_blocks();
}

void HonestMember::receive(const Packet& packet, bool validate_later) {
    AgreementOutput out;
    if (const auto* vote = std::get_if<Vote>(&packet.content)) {
        agreement_.on_vote(*vote, out);
    } else if (const auto* certificate = std::get_if<SharedCertificate>(&packet.content)) {
        agreement_.on_certificate(*certificate, out);
    } else {
        const SharedPropose& propose = std::get<SharedPropose>(packet.content);
        const Attempt before = agreement_.current();
        if (agreement_.admits(*propose, out)) {
            keep_block(propose->block);
            if (validate_later) {
                validating_ = propose;
                around_.reach(Mark::slow_validation);
            } else {
                agreement_.on_valid(propose->attempt, propose->block, out);
            }
        }
        if (agreement_.current() > before + 1) {
            around_.reach(Mark::jump);
        }
    }
    process(std::move(out));
}

void HonestMember::validate() {
    AgreementOutput out;
    agreement_.on_valid(validating_->attempt, validating_->block, out);
    validating_ = nullptr;
    process(std::move(out));
}

void HonestMember::timer() {
    AgreementOutput out;
    agreement_.on_timer(agreement_.current(), out);
    process(std::move(out));
}

void HonestMember::repeat() {
    AgreementOutput out;
    agreement_.repeat(out);
    process(std::move(out));
}

void HonestMember::propose_if_due() {
    const auto due = agreement_.proposal();
    if (!due) {
        return;
    }
    consensus::SharedBlock content;
    if (due->digest.is_zero()) {
        content = make_block(around_.fresh_value());
    } else {
        content = block(due->digest);
        content = content ? content : around_.fetch(due->digest);
    }
    if (!content) {
        return; // a later call, or a later leader
    }
    keep_block(content);
    auto propose = std::make_shared<consensus::Propose>();
    propose->height = height;
    propose->attempt = agreement_.current();
    propose->block = content;
    propose->why = due->why;
    propose->by = {*setup_.self, {}};
    if (propose->attempt > 0) {
        around_.reach(due->why.prepared ? Mark::reproposal : Mark::fresh_after_skip);
    }
    AgreementOutput out;
    if (agreement_.admits(*propose, out)) {
        agreement_.on_valid(propose->attempt, content, out);
    } else if (restarted_) {
        around_.reach(Mark::restarted_leader_repeats);
    }
    agreement_.proposed();
    process(std::move(out), std::move(propose));
}

void HonestMember::process(AgreementOutput out, SharedPropose proposal) {
    for (std::size_t i = 0; votes_at_once_ && i < out.votes.size(); ++i) {
        const consensus::VoteIntent intent = out.votes[i];
        agreement_.on_vote(make_vote(intent.kind, index_, intent.attempt, intent.digest), out);
    }
    mark(out);
    if (out.decided && sabotage_.decision_replaces_log && !block(out.decided->digest)) {
        out.log.clear(); // the votes are in the certificate, and leave with it
    }
    if (out.log.empty() && out.votes.empty() && out.certificates.empty() && !out.decided &&
        !proposal) {
        return;
    }
    Batch batch{std::move(out), std::move(proposal)};
    if (sabotage_.send_before_sync) {
        pending_.push_back({batch.out, nullptr});
        pending_.back().out.votes.clear();
        pending_.back().out.certificates.clear();
        pending_.back().out.decided = nullptr;
        send(batch);
    } else {
        pending_.push_back(std::move(batch));
    }
}

void HonestMember::mark(const AgreementOutput& out) {
    for (const LogRecord& record : out.log) {
        if (record.kind == LogRecord::Kind::certificate) {
            const bool prepare = record.certificate->kind == StatementKind::prepare;
            around_.reach(prepare ? Mark::prepare_certificate : Mark::skip_certificate);
        }
        if (record.kind == LogRecord::Kind::committed && !block(record.digest)) {
            around_.reach(Mark::certificate_before_proposal);
        }
    }
}

void HonestMember::sync() {
    while (!pending_.empty()) {
        const Batch batch = std::move(pending_.front());
        pending_.pop_front();
        for (const LogRecord& record : batch.out.log) {
            make_durable(record);
        }
        send(batch);
    }
}

void HonestMember::make_durable(const LogRecord& record) {
    for (const LogRecord& earlier : log_) {
        if (record.kind != LogRecord::Kind::certificate && earlier.kind == record.kind &&
            earlier.attempt == record.attempt && earlier.digest == record.digest) {
            around_.fail(Outcome::flooded); // the same vote once more
        }
    }
    log_.push_back(record);
}

void HonestMember::send(const Batch& batch) {
    for (const consensus::VoteIntent& intent : batch.out.votes) {
        if (!around_.sign(index_, {intent.kind, intent.attempt, intent.digest})) {
            around_.fail(Outcome::double_vote);
        }
        const Vote vote = make_vote(intent.kind, index_, intent.attempt, intent.digest);
        around_.broadcast(index_, {index_, vote});
        if (!votes_at_once_) {
            AgreementOutput out;
            agreement_.on_vote(vote, out);
            process(std::move(out));
        }
    }
    for (const SharedCertificate& certificate : batch.out.certificates) {
        pass_on(certificate);
    }
    if (batch.out.decided) {
        announce(batch.out.decided);
    }
    if (batch.proposal) {
        around_.broadcast(index_, {index_, batch.proposal});
    }
}

void HonestMember::pass_on(const SharedCertificate& certificate) {
    if (!around_.is_founded(*certificate)) {
        around_.fail(Outcome::unfounded);
    }
    around_.broadcast(index_, {index_, certificate});
    if (certificate->kind == StatementKind::commit) {
        around_.decided(index_, certificate->digest);
    }
}

void HonestMember::announce(const SharedCertificate& decided) {
    if (decided_) {
        return;
    }
    decided_ = decided;
    if (decided->attempt > 0) {
        around_.reach(Mark::late_attempt_decides);
    }
    if (!block(decided->digest)) {
        around_.reach(Mark::decision_before_block);
    }
    pass_on(decided);
}

void HonestMember::persist() {
    if (!decided_ || persisted_) {
        return;
    }
    if (const auto found = block(decided_->digest); found || around_.fetch(decided_->digest)) {
        persisted_ = true;
    }
}

std::size_t HonestMember::pending_records() const {
    std::size_t count = 0;
    for (const Batch& batch : pending_) {
        count += batch.out.log.size();
    }
    return count;
}

void HonestMember::crash(std::size_t kept) {
    around_.reach(Mark::crash);
    if (kept < pending_records()) {
        around_.reach(Mark::crash_loses_records);
    }
    for (const Batch& batch : pending_) {
        if (kept > 0 && kept < batch.out.log.size()) {
            around_.reach(Mark::crash_tears_batch);
        }
        for (const LogRecord& record : batch.out.log) {
            if (kept > 0) {
                make_durable(record);
                --kept;
            }
        }
    }
    pending_.clear();
    validating_ = nullptr;
    blocks_.clear();
    if (sabotage_.forget_log) {
        log_.clear();
    }
    keep_logged_blocks();
    restarted_ = true;
    agreement_ = Agreement(setup_, log_);
    if (persisted_) {
        AgreementOutput unused;
        agreement_.on_certificate(decided_, unused);
    } else {
        decided_ = nullptr;
    }
    repeat();
}

void HonestMember::keep_logged_blocks() {
    for (const LogRecord& record : log_) {
        if (record.block) {
            keep_block(record.block);
        }
    }
}

void HonestMember::keep_block(const consensus::SharedBlock& block) {
    blocks_.emplace(block->digest, block);
}

consensus::SharedBlock HonestMember::block(const Hash32& digest) const {
    const auto found = blocks_.find(digest);
    return found == blocks_.end() ? nullptr : found->second;
}

} // namespace hp::agree
