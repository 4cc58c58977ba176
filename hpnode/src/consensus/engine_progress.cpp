// SPDX-License-Identifier: Apache-2.0
// What the engine does when something has become due: after every event it looks at everything that
// it could be waiting for, and at the end asks to be woken for the next deadline.
#include "consensus/engine.hpp"

#include <algorithm>

#include "hp/base/check.hpp"

namespace hp::consensus {
namespace {

constexpr std::int64_t never_us = INT64_MAX;

// Due steps enable each other; more of them in a row than this would be a loop.
constexpr int due_steps_max = 100;

} // namespace

void Engine::progress(Instant now, Effects& out) {
    for (int steps = 0;; ++steps) {
        HP_CHECK(steps < due_steps_max, "the engine does not come to rest");
        if (!is_agreeing() ||
            !(open_if_due(now, out) || complete_decision(now, out) || propose_if_due(now, out) ||
              validate_proposal(now, out) || run_timers(now, out))) {
            break;
        }
    }
    ask_ahead(now, out);
    set_vote_status(now, out);
    request_wake(now, out);
}

// --- OPEN ----------------------------------------------------------------------------------------

bool Engine::may_open() const {
    return is_agreeing() && !own_open_ && identity_.validator && is_member();
}

std::int64_t Engine::open_due_us(Instant now) const {
    // Pulled along: at least one honest member finds it is time.
    if (height_->open_count() > height_->members().size() - height_->quorum()) {
        return now.mono_us;
    }
    if (execution_.is_executing()) {
        return never_us; // a ledger without its result would only have to wait
    }
    const proto::SharedResult result = execution_.result();
    const bool outputs_wait = result && !result->outputs.empty();
    return pace_.due_us(now.mono_us, result ? inputs_since_us_ : std::nullopt, outputs_wait);
}

bool Engine::open_if_due(Instant now, Effects& out) {
    if (!may_open() || open_due_us(now) > now.mono_us) {
        return false;
    }
    open(now, out);
    return true;
}

// --- PROPOSE and PREPARE -------------------------------------------------------------------------

// Whether a leader could make a block of its own, and so whether an attempt is worth waiting for.
bool Engine::can_propose(Instant now) const {
    const auto since_us = height_->open_quorum_since_us();
    return since_us &&
           (height_->has_expected_opens() ||
            now.mono_us >= *since_us + params::open_grace_us(params_)) &&
           height_->decide_result(now.mono_us);
}

bool Engine::propose_if_due(Instant now, Effects& out) {
    Agreement& agreement = height_->agreement();
    auto proposal = agreement.proposal();
    if (!proposal) {
        return false;
    }
    if (still_lacks(now, awaited_to_propose_, proposal->digest)) {
        return false;
    }
    SharedBlock block;
    if (!proposal->digest.is_zero()) {
        block = height_->block(proposal->digest);
        if (!block) {
            if (proposal->why.prepared) { // else it is our own, lost with the log's end
                ask_for_block(now, proposal->digest, *proposal->why.prepared, out);
            }
            return false;
        }
        if (const MissingParts missing = height_->missing(*block, true); !missing.none()) {
            awaited_to_propose_.await(block->digest, missing);
            ask_for_parts(now, missing, height_->members(), out);
            return false;
        }
    } else if (can_propose(now)) {
        if (const MissingParts missing = height_->missing_for_assembly(); !missing.none()) {
            awaited_to_propose_.await({}, missing);
            ask_for_parts(now, missing, height_->members(), out);
            return false;
        }
        block = height_->assemble(*height_->decide_result(now.mono_us));
        height_->add(block);
    } else {
        return false;
    }
    const Attempt attempt = agreement.current();
    Propose propose{height_->seq(), attempt, block, std::move(proposal->why), {}};
    propose.by = sign(StatementKind::propose, vote_digest(propose.height, attempt, block->digest));
    agreement.proposed();
    // Its own PREPARE first: the log then knows the block before anybody hears of it, and a leader
    // that is started again proposes the same.
    own_proposal_ = propose;
    AgreementOutput output;
    if (agreement.admits(propose, output)) {
        agreement.on_valid(attempt, block, output);
    }
    apply(now, std::move(output), out);
    if (!persisting_) {
        send_after_log(std::move(propose), out);
    }
    return true;
}

bool Engine::validate_proposal(Instant now, Effects& out) {
    if (!proposal_) {
        return false;
    }
    const SharedBlock block = proposal_->block;
    if (still_lacks(now, awaited_to_vote_, block->digest)) {
        return false;
    }
    const bool prepared = proposal_->why.prepared != nullptr;
    const MissingParts missing = height_->missing(*block, prepared);
    if (!missing.none()) {
        awaited_to_vote_.await(block->digest, missing);
        std::vector<PublicKey> holders{proposal_->by.member};
        holders.insert(holders.end(), height_->members().begin(), height_->members().end());
        ask_for_parts(now, missing, holders, out);
        return false;
    }
    const Propose propose = std::move(*proposal_);
    proposal_.reset();
    if (const Status valid = prepared ? Status() : height_->check(*block); !valid) {
        refuse(propose, valid.err(), out);
        return false;
    }
    AgreementOutput output;
    height_->agreement().on_valid(propose.attempt, block, output);
    apply(now, std::move(output), out);
    return true;
}

void Engine::refuse(const Propose& propose, const Error& why, Effects& out) {
    if (why.code != Errc::unavailable) {
        contradiction(propose.by.member, "an invalid block: " + why.context, out);
        return;
    }
    // The next leader shall know the results that this one did not.
    for (const auto& [member, result] : height_->results()) {
        out.push_back(Broadcast{result});
    }
}

// --- the decision --------------------------------------------------------------------------------

bool Engine::complete_decision(Instant now, Effects& out) {
    if (!undecided_commit_ || persisting_) {
        return false;
    }
    const SharedBlock block = height_->block(undecided_commit_->digest);
    if (!block) {
        ask_for_block(now, undecided_commit_->digest, *undecided_commit_, out);
        return false;
    }
    if (still_lacks(now, awaited_to_decide_, block->digest)) {
        return false;
    }
    auto inputs = height_->bodies(*block);
    if (!inputs) {
        std::vector<PublicKey> holders;
        for (const Signed& vote : undecided_commit_->votes) {
            holders.push_back(vote.member);
        }
        const MissingParts missing = height_->missing(*block, true);
        awaited_to_decide_.await(block->digest, missing);
        if (const auto asked = ask_for_parts(now, missing, holders, out)) {
            // It may be further already, and give out these inputs only with their ledger.
            out.push_back(SendTo{*asked, GetLedgers{height_->seq()}});
        }
        return false;
    }
    decide(block, std::exchange(undecided_commit_, nullptr), std::move(*inputs), out);
    return true;
}

// --- asking for what is missing ------------------------------------------------------------------

// One member at a time, the next one when nothing has come.
PublicKey Engine::next_holder(const std::vector<PublicKey>& holders) {
    for (std::size_t i = 0; i < holders.size(); ++i) {
        const PublicKey& holder = holders[fetch_turn_++ % holders.size()];
        if (holder != identity_.self) {
            return holder;
        }
    }
    return identity_.self;
}

void Engine::ask_for_block(Instant now, const Hash32& digest, const Certificate& certificate,
                           Effects& out) {
    if (wanted_block_ == digest && now.mono_us < fetch_at_us_) {
        return;
    }
    wanted_block_ = digest;
    std::vector<PublicKey> holders; // they stored it before they voted for it
    for (const Signed& vote : certificate.votes) {
        holders.push_back(vote.member);
    }
    fetch_at_us_ = now.mono_us + params::fetch_retry_us;
    out.push_back(SendTo{next_holder(holders), GetBlock{height_->seq(), digest}});
}

std::optional<PublicKey> Engine::ask_for_parts(Instant now, MissingParts missing,
                                               const std::vector<PublicKey>& holders,
                                               Effects& out) {
    // What is here already, and only has to be checked, would come again and again.
    std::erase_if(missing.inputs, [this](const Hash32& hash) { return pool_.is_awaited(hash); });
    if (missing.none()) {
        fetch_at_us_ = std::max(fetch_at_us_, now.mono_us + params::fetch_retry_us);
        return std::nullopt; // a look at all of them again after each would take too long
    }
    const bool fresh =
        std::any_of(missing.inputs.begin(), missing.inputs.end(),
                    [this](const Hash32& hash) { return judged_inputs_.count(hash) == 0; });
    if (!fresh && now.mono_us < fetch_at_us_) {
        return std::nullopt;
    }
    judged_inputs_.insert(missing.inputs.begin(), missing.inputs.end());
    fetch_at_us_ = now.mono_us + params::fetch_us(missing.inputs.size());
    const PublicKey holder = next_holder(holders);
    if (!missing.opens.empty()) {
        out.push_back(SendTo{holder, GetOpens{height_->seq(), missing.opens}});
    }
    if (!missing.inputs.empty()) {
        out.push_back(SendTo{holder, GetInputs{missing.inputs}});
    }
    return holder;
}

// Members say they are further: their ledgers bring this node there. Whatever else it is asking for
// they may no longer have; and whoever only claims to be further must not stop it from asking
// others.
void Engine::ask_ahead(Instant now, Effects& out) {
    if (ahead_.empty()) {
        catch_up_since_us_ = 0;
        catch_up_retry_us_ = params::fetch_retry_us;
        return;
    }
    const LedgerSeq stored = lcl_.seq + (persisting_ ? 1 : 0);
    const auto missing = fetched_.missing(stored, newest_heard());
    if (!missing) {
        return;
    }
    const bool is_new = fetched_.is_new(*missing);
    if (!is_new && now.mono_us < catch_up_at_us_) {
        return;
    }
    PublicKey holder = fetched_.source();
    if (!is_new || ahead_.count(holder) == 0) { // it does not answer, or there was none yet
        std::vector<PublicKey> holders;
        for (const auto& [node, ahead] : ahead_) {
            holders.push_back(node);
        }
        holder = next_holder(holders);
    }
    catch_up_at_us_ = now.mono_us + catch_up_retry_us_;
    if (!is_new) {
        catch_up_retry_us_ = std::min(2 * catch_up_retry_us_, params::catch_up_retry_us_max);
    }
    if (catch_up_since_us_ == 0) {
        catch_up_since_us_ = now.mono_us;
    }
    fetched_.asked(holder, *missing);
    out.push_back(SendTo{holder, *missing});
}

// What was asked for beyond the ledger being decided.
bool Engine::keep_ahead(Instant now, const PublicKey& from, const SharedCertifiedLedger& ledger) {
    const bool between = awaiting_config_ || !height_;
    const LedgerSeq stored = lcl_.seq + (between ? 0 : 1);
    if (ledger->block->header.seq <= stored || !fetched_.keep(from, ledger)) {
        return false;
    }
    ledger_came(now);
    return true;
}

// Others are on their way. Whoever answers after this long is not asked again before twice as long.
void Engine::ledger_came(Instant now) {
    if (catch_up_since_us_ != 0) {
        catch_up_retry_us_ = std::clamp(2 * (now.mono_us - catch_up_since_us_),
                                        params::fetch_retry_us, params::catch_up_retry_us_max);
        catch_up_since_us_ = 0;
    }
    catch_up_at_us_ = now.mono_us + catch_up_retry_us_;
}

void Engine::take_fetched(Instant now, Effects& out) {
    const SharedCertifiedLedger next = fetched_.take(lcl_.seq + 1);
    if (!next) {
        return;
    }
    hear(now, fetched_.source(), next, out);
    if (!persisting_) { // whoever sent it, it is no ledger
        fetched_.clear();
    }
}

// --- timers --------------------------------------------------------------------------------------

bool Engine::run_timers(Instant now, Effects& out) {
    const Attempt attempt = height_->agreement().current();
    if (!attempt_ends_ && own_open_ && (attempt > 0 || can_propose(now))) {
        attempt_ends_ = now.mono_us + params::attempt_us(params_, attempt, log_us_);
    }
    if (attempt_ends_ && *attempt_ends_ <= now.mono_us) {
        attempt_ends_ = never_us; // once an attempt
        AgreementOutput output;
        height_->agreement().on_timer(attempt, output);
        apply(now, std::move(output), out);
        return true;
    }
    if (own_open_ && repeat_at_us_ <= now.mono_us) {
        repeat(now, out);
    }
    return false;
}

// Whatever was said may have been lost: say it again until the ledger is decided.
void Engine::repeat(Instant now, Effects& out) {
    repeat_wait_us_ = std::min(2 * repeat_wait_us_, params::repeat_us_max(params_));
    repeat_at_us_ = now.mono_us + repeat_wait_us_;
    height_->add(own_open_, now.mono_us); // it hears itself
    if (height_->members().size() == 1) {
        return;
    }
    out.push_back(Broadcast{own_open_});
    if (const auto own = height_->results().find(identity_.self); own != height_->results().end()) {
        out.push_back(Broadcast{own->second});
    }
    if (!gates_.empty()) {
        return; // the log is behind: what waits for it must not grow meanwhile
    }
    if (own_proposal_ && own_proposal_->attempt == height_->agreement().current()) {
        send_after_log(*own_proposal_, out);
    }
    AgreementOutput output;
    height_->agreement().repeat(output);
    for (SharedCertificate& certificate : output.certificates) {
        send_after_log(std::move(certificate), out);
    }
    output.certificates.clear();
    apply(now, std::move(output), out);
}

void Engine::request_wake(Instant now, Effects& out) {
    std::int64_t next = never_us;
    const auto consider = [&](std::int64_t at_us) {
        if (at_us > now.mono_us) {
            next = std::min(next, at_us);
        }
    };
    if (is_agreeing()) {
        if (may_open()) {
            consider(open_due_us(now));
        }
        if (const auto since_us = height_->open_quorum_since_us()) {
            consider(*since_us + params::open_grace_us(params_));
        }
        consider(height_->result_wait_ends_us().value_or(never_us));
        consider(attempt_ends_.value_or(never_us));
        consider(own_open_ ? repeat_at_us_ : never_us);
        consider(fetch_at_us_);
        consider(catch_up_at_us_);
        const std::int64_t silent_since_us = own_open_ ? opened_at_us_ : height_->since_us();
        consider(silent_since_us + params::silence_us(params_) + 1);
    }
    if (next != never_us && wake_us_ != next) {
        wake_us_ = next;
        out.push_back(WakeAt{next});
    }
}

} // namespace hp::consensus
