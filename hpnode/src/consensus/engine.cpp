// SPDX-License-Identifier: Apache-2.0
#include "consensus/engine.hpp"

#include <algorithm>

#include "hp/base/check.hpp"
#include "hp/crypto/blake3.hpp"

namespace hp::consensus {

using proto::RejectReason;
using proto::SharedInput;
using proto::SharedLedger;
using proto::VoteStatus;

Engine::Engine(Params params, Identity identity, Start start, Instant now, Effects& out)
    : params_(std::move(params)), identity_(identity),
      validators_(params_.unl, params_.threshold_percent), pace_(params_, now.mono_us),
      nonces_(std::move(start.nonces)), result_(std::move(start.result)) {
    if (start.head) {
        lcl_ = {start.head->header.seq, start.head->header.hash};
        lcl_time_ms_ = start.head->header.timestamp_ms;
    }
    if (!can_decide_alone()) {
        set_vote_status(VoteStatus::unreliable, out);
    }
    if (result_) {
        HP_CHECK(result_->seq == lcl_.seq, "the start result belongs to another ledger");
        open_if_due(now, out);
        return;
    }
    // The decided ledger's run was cut off: its effect was discarded, so run it again.
    HP_CHECK(start.head != nullptr, "genesis always has a result");
    phase_ = Phase::executing;
    out.push_back(Execute{start.head, validators_.active_on()});
}

void Engine::step(Instant now, const Event& event, Effects& out) {
    std::visit([&](const auto& e) { on(now, e, out); }, event);
    open_if_due(now, out);
}

void Engine::on(Instant, const Tick&, Effects&) {
    wake_us_.reset(); // spent; a timer that fired early is set again
}

void Engine::on(Instant, const UserJoined& event, Effects&) {
    users_.insert(event.user);
}

void Engine::on(Instant, const UserLeft& event, Effects&) {
    users_.erase(event.user);
}

void Engine::on(Instant, const InputIn& event, Effects& out) {
    const InputPool::Arrival arrival = pool_.arrive(event.input, params_, nonces_, lcl_.seq);
    if (arrival.pending) {
        out.push_back(VerifyInput{event.input});
    } else if (arrival.rejected) {
        out.push_back(rejection(*event.input, *arrival.rejected));
    }
}

void Engine::on(Instant now, const InputVerified& event, Effects&) {
    pool_.verified(*event.input, event.signature_ok);
    if (!inputs_since_us_ && pool_.has_ready()) {
        inputs_since_us_ = now.mono_us;
    }
}

void Engine::on(Instant, const Persisted& event, Effects& out) {
    HP_CHECK(phase_ == Phase::persisting && proposed_->header.seq == event.seq,
             "persisted a ledger nobody asked for");
    const SharedLedger ledger = std::move(proposed_);
    proposed_ = nullptr;
    decided(ledger, out);
}

void Engine::on(Instant now, const ResultReady& event, Effects&) {
    HP_CHECK(phase_ == Phase::executing && event.result->seq == lcl_.seq,
             "result of a ledger that is not executing");
    result_ = event.result;
    phase_ = Phase::waiting;
    if (!inputs_since_us_ && pool_.has_ready()) {
        inputs_since_us_ = now.mono_us; // left over from the last ledger
    }
}

void Engine::on(Instant, const ConfigChanged& event, Effects& out) {
    params_ = event.params;
    validators_.change(params_.unl, params_.threshold_percent);
    pace_.change(params_);
    if (!can_decide_alone()) {
        set_vote_status(VoteStatus::unreliable, out);
    }
}

bool Engine::can_decide_alone() const {
    return identity_.validator && validators_.contains(identity_.self) && validators_.quorum() == 1;
}

bool Engine::outputs_wait() const {
    return result_ && !result_->outputs.empty();
}

void Engine::open_if_due(Instant now, Effects& out) {
    if (phase_ != Phase::waiting || !can_decide_alone()) {
        return;
    }
    const std::int64_t due = pace_.due_us(now.mono_us, inputs_since_us_, outputs_wait());
    if (due <= now.mono_us) {
        open(now, out);
    } else if (wake_us_ != due) {
        wake_us_ = due;
        out.push_back(WakeAt{due});
    }
}

void Engine::open(Instant now, Effects& out) {
    pace_.opened(now.mono_us);
    set_vote_status(VoteStatus::synced, out);
    InputPool::Selection selection = pool_.select(params_, nonces_, lcl_.seq);
    inputs_since_us_.reset();
    refused_ = std::move(selection.rejected);
    proposed_ = assemble(now, std::move(selection.inputs));
    phase_ = Phase::persisting;
    out.push_back(Persist{proposed_});
}

// The block of consensus.md 6.4.3 for a quorum of one: own OPEN, own RESULT.
SharedLedger Engine::assemble(Instant now, std::vector<SharedInput> inputs) const {
    auto ledger = std::make_shared<proto::LedgerRecord>();
    std::set<PublicKey> users = users_;
    for (const SharedInput& input : inputs) {
        users.insert(input->user);
    }
    ledger->users.assign(users.begin(), users.end());
    std::sort(inputs.begin(), inputs.end(), [](const SharedInput& a, const SharedInput& b) {
        return std::tie(a->user, a->nonce, a->hash) < std::tie(b->user, b->nonce, b->hash);
    });
    ledger->inputs = std::move(inputs);
    ledger->previous = result_;
    ledger->nonce = crypto::b3({identity_.nonce_secret.view(), lcl_.hash.view()});

    proto::LedgerHeader& header = ledger->header;
    header.seq = lcl_.seq + 1;
    header.timestamp_ms = std::max(lcl_time_ms_ + 1, now.wall_ms);
    header.prev_hash = lcl_.hash;
    header.state_hash = result_->state_hash;
    header.config_hash = result_->config_hash;
    header.user_hash = proto::user_list_hash(ledger->users);
    header.input_hash = proto::input_list_hash(ledger->inputs);
    header.output_hash = result_->output_root;
    header.hash = proto::ledger_hash(header, ledger->nonce);
    return ledger;
}

// The order of messages to users is fixed: expired, accepted, then outputs (user-protocol.md 8.3).
void Engine::decided(const SharedLedger& ledger, Effects& out) {
    lcl_ = {ledger->header.seq, ledger->header.hash};
    lcl_time_ms_ = ledger->header.timestamp_ms;
    validators_.mark_active(identity_.self, lcl_time_ms_);
    for (const SharedInput& input : ledger->inputs) {
        nonces_.accept(input->user, input->nonce, input->hash, input->max_ledger_seq);
    }
    pool_.remove(ledger->inputs);
    nonces_.expire(lcl_.seq);

    for (const Rejection& refused : refused_) {
        out.push_back(rejection(*refused.input, refused.reason));
    }
    refused_.clear();
    for (const SharedInput& input : pool_.take_expired(lcl_.seq)) {
        out.push_back(rejection(*input, RejectReason::max_ledger_expired));
    }
    for (const SharedInput& input : ledger->inputs) {
        const ByteView hash = input->hash.view();
        out.push_back(
            TellStatus{input->user, {std::nullopt, Bytes(hash.begin(), hash.end()), lcl_}});
    }
    result_ = nullptr;
    phase_ = Phase::executing;
    out.push_back(Decided{ledger});
    out.push_back(Execute{ledger, validators_.active_on()});
}

void Engine::set_vote_status(VoteStatus status, Effects& out) {
    if (status != vote_status_) {
        vote_status_ = status;
        out.push_back(StatusChanged{status});
    }
}

TellStatus Engine::rejection(const proto::SignedInput& input, RejectReason reason) {
    const ByteView hash = input.hash.view();
    return {input.user, {reason, Bytes(hash.begin(), hash.end()), {}}};
}

} // namespace hp::consensus
