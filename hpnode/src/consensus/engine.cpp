// SPDX-License-Identifier: Apache-2.0
// The engine's events about this node itself, and the life of a height. What other nodes say is in
// engine_messages.cpp, what time brings in engine_progress.cpp.
#include "consensus/engine.hpp"

#include <algorithm>

#include "hp/base/check.hpp"
#include "hp/base/codec.hpp"
#include "hp/crypto/blake3.hpp"

namespace hp::consensus {

using proto::RejectReason;
using proto::SharedInput;
using proto::SharedLedger;
using proto::VoteStatus;

namespace {

TellStatus rejection(const Rejection& rejected) {
    const ByteView hash = rejected.input->hash.view();
    return {rejected.input->user, {rejected.reason, Bytes(hash.begin(), hash.end()), {}}};
}

LedgerId id_of(const SharedLedger& ledger) {
    return ledger ? LedgerId{ledger->header.seq, ledger->header.hash} : LedgerId{};
}

std::vector<PublicKey> members_of(const std::vector<SignedResult>& evidence) {
    std::vector<PublicKey> out;
    for (const SignedResult& result : evidence) {
        out.push_back(result.by.member);
    }
    return out;
}

} // namespace

Engine::Engine(Params params, Identity identity, const Signer& signer, Start start, Instant now,
               Effects& out)
    : params_(std::move(params)), identity_(identity),
      signer_(signer), domain_{identity.contract_id_hash, {}},
      validators_(params_.unl, params_.threshold_percent), pace_(params_, now.mono_us),
      nonces_(std::move(start.nonces)), execution_(start.result, identity.lifted),
      lcl_(id_of(start.head)), head_(start.head), certified_(std::move(start.certified)) {
    HP_CHECK(start.result && start.result->seq <= lcl_.seq, "a state from the future");
    if (head_) {
        lcl_time_ms_ = head_->header.timestamp_ms;
        execution_.decided(
            head_, certified_ ? members_of(certified_->block->evidence) : std::vector<PublicKey>(),
            false);
    }
    restored_ = std::move(start.log);
    begin_height(now, out);
    execute_next(out);
    progress(now, out);
}

void Engine::step(Instant now, const Event& event, Effects& out) {
    std::visit([&](const auto& e) { on(now, e, out); }, event);
    progress(now, out);
}

// --- events --------------------------------------------------------------------------------------

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
    const SharedInput& input = event.input;
    const InputPool::Arrival arrival = pool_.arrive(input, params_, nonces_, lcl_.seq);
    if (arrival.rejected) {
        out.push_back(rejection({input, *arrival.rejected}));
        return;
    }
    local_inputs_.insert(input);
    if (arrival.pending) {
        out.push_back(VerifyInput{input});
    }
}

void Engine::on(Instant now, const InputVerified& event, Effects& out) {
    pool_.verified(event.input, holds(Guard::input_signature, event.signature_ok));
    if (!inputs_since_us_ && pool_.has_ready()) {
        inputs_since_us_ = now.mono_us;
    }
    if (!holds(Guard::input_signature, event.signature_ok)) {
        return;
    }
    if (height_ && judged_inputs_.count(event.input->hash) != 0) {
        height_->keep(event.input);
    }
    const bool alone = validators_.size() == 1 && is_member();
    if (!alone && local_inputs_.count(event.input) != 0) {
        out.push_back(Broadcast{Inputs{{event.input}}});
    }
}

// Without this a cluster that starts, or is connected again, would wait for the next repetition,
// and a member that has missed ledgers for the next round.
void Engine::on(Instant now, const PeerJoined& event, Effects& out) {
    if (!validators_.contains(event.node)) {
        return;
    }
    repeat_at_us_ = std::min(repeat_at_us_, now.mono_us + params::repeat_joined_us);
    if (own_open_ || !height_) {
        return;
    }
    if (const auto own = height_->results().find(identity_.self); own != height_->results().end()) {
        out.push_back(SendTo{event.node, own->second});
    }
}

void Engine::on(Instant, const VotesForgotten&, Effects& out) {
    identity_.may_have_forgotten = true;
    if (!may_vote()) {
        height_->agreement().stop_voting();
    }
    out.push_back(Report{"this node has signed votes that it does not remember: it follows without "
                         "voting until they cannot matter any more",
                         {}});
}

void Engine::on(Instant now, const Logged& event, Effects& out) {
    while (!gates_.empty() && gates_.front().number <= event.number) {
        const std::int64_t took_us = now.mono_us - gates_.front().since_us;
        log_us_ = std::max(took_us, (log_us_ + took_us) / 2); // slower at once, faster by and by
        for (Message& message : gates_.front().messages) {
            out.push_back(Broadcast{std::move(message)});
        }
        gates_.pop_front();
    }
}

void Engine::on(Instant, const Rejoin& event, Effects& out) {
    const SharedCertifiedLedger& ledger = event.from->ledger;
    if (persisting_ || ledger->block->header.seq <= lcl_.seq) {
        return;
    }
    joined_ = event.from;
    persisting_certified_ = ledger;
    persisting_ = make_ledger(*ledger->block, ledger->inputs);
    out.push_back(Persist{persisting_, persisting_certified_, joined_});
}

void Engine::on(Instant now, const ResultReady& event, Effects& out) {
    execution_.ready(event.result);
    if (!inputs_since_us_ && pool_.has_ready()) {
        inputs_since_us_ = now.mono_us; // left over from the last ledger
    }
    announce_result(now, out);
    execute_next(out);
}

void Engine::on(Instant now, const ConfigInForce& event, Effects& out) {
    HP_CHECK(awaiting_config_, "a configuration nobody waits for");
    awaiting_config_ = false;
    params_ = event.params;
    validators_.change(params_.unl, params_.threshold_percent);
    pace_.change(params_);
    begin_height(now, out);
}

// --- the life of a height ------------------------------------------------------------------------

bool Engine::is_member() const {
    return validators_.contains(identity_.self);
}

bool Engine::may_vote() const {
    return identity_.validator && is_member() &&
           (!identity_.may_have_forgotten || validators_.size() == 1); // nobody to contradict
}

// Nobody can cite an OPEN before it is made: its nonce comes from a secret of this start. So the
// ledger was not decided when the node started.
bool Engine::took_part() const {
    if (!own_open_) {
        return false;
    }
    const std::vector<OpenRef>& opens = certified_->block->opens;
    const OpenRef own{identity_.self, own_open_->digest};
    return std::find(opens.begin(), opens.end(), own) != opens.end();
}

// The node, which votes on a ledger only when it has the one before, cannot have voted on the next
// one before it started.
void Engine::remember(Effects& out) {
    if (identity_.may_have_forgotten && took_part()) {
        identity_.may_have_forgotten = false;
        out.push_back(Report{"votes that this node may have forgotten do not matter any more: it "
                             "votes again",
                             {}});
    }
}

bool Engine::has_voted(StatementKind kind, LedgerSeq height, Attempt attempt,
                       const Hash32& digest) const {
    return height == height_->seq() && height_->agreement().has_voted(kind, attempt, digest);
}

bool Engine::remembers(const Certificate& certificate) const {
    const bool signed_by_self =
        std::any_of(certificate.votes.begin(), certificate.votes.end(),
                    [this](const Signed& by) { return by.member == identity_.self; });
    return !signed_by_self || certificate.height <= lcl_.seq ||
           has_voted(certificate.kind, certificate.height, certificate.attempt, certificate.digest);
}

bool Engine::remembers(const Message& message) const {
    if (const auto* vote = std::get_if<Vote>(&message)) {
        return vote->by.member != identity_.self || vote->height <= lcl_.seq ||
               has_voted(vote->kind, vote->height, vote->attempt, vote->digest);
    }
    if (const auto* certificate = std::get_if<SharedCertificate>(&message)) {
        return remembers(**certificate);
    }
    if (const auto* ledger = std::get_if<SharedCertifiedLedger>(&message)) {
        return remembers(*(*ledger)->commit);
    }
    if (const auto* propose = std::get_if<Propose>(&message)) {
        const std::vector<SharedCertificate>& skipped = propose->why.skipped;
        return (!propose->why.prepared || remembers(*propose->why.prepared)) &&
               std::all_of(skipped.begin(), skipped.end(),
                           [this](const SharedCertificate& c) { return remembers(*c); });
    }
    return true;
}

Signed Engine::sign(StatementKind kind, const Hash32& digest) const {
    return {identity_.self, signer_.sign(statement_bytes(domain_, kind, digest))};
}

void Engine::forget_last_height() {
    own_open_ = nullptr;
    proposal_.reset();
    own_proposal_.reset();
    attempt_ends_.reset();
    undecided_commit_ = nullptr;
    awaited_to_propose_.clear();
    awaited_to_vote_.clear();
    awaited_to_decide_.clear();
    judged_inputs_.clear();
    reported_.clear();
    fetch_at_us_ = 0;
}

void Engine::begin_height(Instant now, Effects& out) {
    Height::Setup setup;
    setup.agreement.height = lcl_.seq + 1;
    for (const auto& [key, active_on] : validators_.active_on()) {
        setup.agreement.members.push_back(key);
    }
    const std::vector<PublicKey>& members = setup.agreement.members;
    const Hash32 before = domain_.unl_hash;
    domain_.unl_hash = unl_hash(members, validators_.quorum());
    if (domain_.unl_hash != before) {
        early_.clear(); // signed for other members: nobody else would count it
        fetched_.clear();
    }
    const std::vector<OpenRef> opens =
        certified_ ? certified_->block->opens : std::vector<OpenRef>();
    setup.agreement.leaders = leader_order(lcl_, opens, members);
    setup.agreement.quorum = validators_.quorum();
    setup.agreement.lifted = identity_.lifted;
    if (may_vote()) {
        setup.agreement.self = identity_.self;
    }
    setup.prev = lcl_;
    setup.prev_time_ms = lcl_time_ms_;
    setup.result = {members.size(),
                    validators_.quorum(),
                    {lcl_, {}, {}, {}},
                    head_ != nullptr,
                    identity_.lifted};
    if (head_) {
        setup.result.before.state_hash = head_->header.state_hash;
        setup.result.before.config_hash = head_->header.config_hash;
    }
    setup.expected_opens = setup.agreement.leaders;
    for (const PublicKey& member : opened_) { // perhaps too late for the last block
        if (validators_.contains(member)) {
            setup.expected_opens.push_back(member);
        }
    }
    opened_.clear();
    setup.params = &params_;
    setup.nonces = &nonces_;
    setup.pool = &pool_;
    std::erase_if(restored_, [&](const LogRecord& r) {
        return r.height != lcl_.seq + 1 || r.unl_hash != domain_.unl_hash;
    });
    height_ = std::make_unique<Height>(std::move(setup), restored_, now.mono_us);
    restored_.clear();

    forget_last_height();
    if (!inputs_since_us_ && pool_.has_ready()) {
        inputs_since_us_ = now.mono_us;
    }
    announce_result(now, out);
    std::map<PublicKey, std::vector<Message>> early;
    early.swap(early_);
    for (auto& [from, messages] : early) {
        for (Message& message : messages) {
            on(now, MessageIn{from, std::move(message)}, out);
        }
    }
    take_fetched(now, out);
}

// Stage 0: says that this member is ready for the next ledger, and what it brings along.
void Engine::open(Instant now, Effects& out) {
    pace_.opened(now.mono_us);
    inputs_since_us_.reset();
    opened_at_us_ = now.mono_us;
    repeat_wait_us_ = params::stage_us(params_);
    repeat_at_us_ = now.mono_us + repeat_wait_us_;
    auto open = std::make_shared<Open>();
    open->height = height_->seq();
    open->prev_hash = lcl_.hash;
    open->version = identity_.incarnation << 32 | ++open_count_;
    open->clock_ms = now.wall_ms;
    open->users.assign(users_.begin(), users_.end());
    for (const SharedInput& input : pool_.select(params_, nonces_, lcl_.seq)) {
        open->inputs.push_back(input->hash);
    }
    std::sort(open->inputs.begin(), open->inputs.end());
    Writer version;
    version.u64(open->version);
    open->nonce = crypto::b3({identity_.nonce_secret.view(), lcl_.hash.view(), version.view()});
    open->digest = open_digest(*open);
    open->by = sign(StatementKind::open, open->digest);
    own_open_ = open;
    height_->add(own_open_, now.mono_us);
    out.push_back(Broadcast{own_open_});
}

// Tells the others what executing the newest ledger gave, once: also across restarts, so it says
// nothing if it may have said something else.
void Engine::announce_result(Instant now, Effects& out) {
    const proto::SharedResult result = execution_.result();
    if (!result || !height_ || awaiting_config_ || !may_vote() ||
        height_->results().count(identity_.self) != 0) {
        return;
    }
    SignedResult said;
    said.claim = {lcl_, result->state_hash, result->config_hash, result->output_root};
    said.root_signature = result->root_signature;
    said.by = sign(StatementKind::result, result_digest(said.claim));
    height_->heard(identity_.self, now.mono_us);
    height_->add(said, now.mono_us);
    out.push_back(Broadcast{said});
}

void Engine::execute_next(Effects& out) {
    std::optional<Effect> effect = execution_.next();
    if (!effect) {
        return;
    }
    if (auto* execute = std::get_if<Execute>(&*effect)) {
        execute->unl_active_on = validators_.active_on();
    }
    out.push_back(std::move(*effect));
}

// Own votes count at once, but nothing leaves before the log has what they rest on: also when they
// decide the ledger right here, because the others may need just these. Alone there are no others,
// and the ledger itself is all that has to be durable.
void Engine::apply(Instant now, AgreementOutput output, Effects& out) {
    std::vector<Vote> votes;
    for (std::size_t next = 0; next < output.votes.size(); ++next) {
        const VoteIntent intent = output.votes[next];
        Vote vote{intent.kind, height_->seq(), intent.attempt, intent.digest, {}};
        vote.by = sign(vote.kind, vote_digest(vote.height, vote.attempt, vote.digest));
        votes.push_back(vote);
        height_->agreement().on_vote(vote, output);
    }
    if (output.entered) {
        attempt_ends_.reset();
        proposal_.reset();
    }
    if (output.decided) {
        undecided_commit_ = output.decided;
        if (height_->members().size() == 1 && complete_decision(now, out)) {
            return;
        }
    }
    for (LogRecord& record : output.log) {
        record.unl_hash = domain_.unl_hash;
        if (record.block) {
            record.inputs = *height_->bodies(*record.block);
        }
    }
    if (!output.log.empty()) {
        out.push_back(AppendLog{++log_number_, std::move(output.log)});
        gates_.push_back({log_number_, now.mono_us, {}});
    }
    for (const Vote& vote : votes) {
        send_after_log(vote, out);
    }
    if (output.decided) {
        complete_decision(now, out);
    }
}

void Engine::send_after_log(Message message, Effects& out) {
    if (gates_.empty() || identity_.lifted.contains(Guard::votes_after_log)) {
        out.push_back(Broadcast{std::move(message)});
    } else {
        gates_.back().messages.push_back(std::move(message));
    }
}

void Engine::decide(const SharedBlock& block, const SharedCertificate& commit,
                    std::vector<SharedInput> inputs, Effects& out) {
    persisting_certified_ =
        std::make_shared<const CertifiedLedger>(CertifiedLedger{block, commit, inputs});
    persisting_ = make_ledger(*block, std::move(inputs));
    out.push_back(Persist{persisting_, persisting_certified_});
}

SharedLedger Engine::make_ledger(const Block& block, std::vector<SharedInput> inputs) const {
    auto ledger = std::make_shared<proto::LedgerRecord>();
    ledger->header = block.header;
    ledger->nonce = block.nonce;
    ledger->recent_hash = block.recent_hash;
    ledger->users = block.users;
    ledger->inputs = std::move(inputs);
    const proto::LedgerHeader& header = block.header;
    const proto::SharedResult own = execution_.result_of(lcl_);
    if (own && own->seq + 1 == header.seq && own->state_hash == header.state_hash &&
        own->config_hash == header.config_hash && own->output_root == header.output_hash) {
        ledger->previous = own;
        return ledger;
    }
    // The outputs that were agreed on are not here, or there are none.
    auto agreed = std::make_shared<proto::ExecutionResult>();
    agreed->seq = header.seq - 1;
    agreed->state_hash = header.state_hash;
    agreed->config_hash = header.config_hash;
    agreed->output_root = header.output_hash;
    ledger->previous = std::move(agreed);
    return ledger;
}

// The order of messages to users is fixed: refused and expired, accepted, then outputs
// (user-protocol.md 8.3).
void Engine::on(Instant, const Persisted& event, Effects& out) {
    HP_CHECK(persisting_ && persisting_->header.seq == event.seq,
             "persisted a ledger nobody asked for");
    Decided decided{std::move(persisting_), {}};
    persisting_ = nullptr;
    decided.root_signatures = root_signatures(decided.ledger->header, *persisting_certified_);
    head_ = decided.ledger;
    certified_before_ = std::exchange(certified_, std::move(persisting_certified_));
    decided.took_part = took_part();
    lcl_ = id_of(head_);
    lcl_time_ms_ = head_->header.timestamp_ms;
    remember(out);
    gates_.clear(); // votes for this height help nobody any more
    for (const OpenRef& open : certified_->block->opens) {
        validators_.mark_active(open.member, lcl_time_ms_);
    }
    reach_ahead();
    settle_inputs(out);
    joined_ = nullptr;
    awaiting_config_ = true;
    out.push_back(std::move(decided));
    execution_.decided(head_, members_of(certified_->block->evidence), !ahead_.empty());
    execute_next(out);
}

// Everybody's that this node knows of: those the block cites, which are a quorum, and any others.
std::vector<std::pair<PublicKey, Signature>>
Engine::root_signatures(const proto::LedgerHeader& header, const CertifiedLedger& certified) const {
    const ResultClaim agreed{lcl_, header.state_hash, header.config_hash, header.output_hash};
    std::map<PublicKey, Signature> out;
    const auto add = [&](const SignedResult& result) {
        if (result.claim == agreed && !agreed.output_root.is_zero()) {
            out.emplace(result.by.member, result.root_signature);
        }
    };
    for (const SignedResult& result : certified.block->evidence) {
        add(result);
    }
    for (const auto& [member, result] : height_->results()) {
        add(result);
    }
    return {out.begin(), out.end()};
}

void Engine::settle_inputs(Effects& out) {
    if (joined_) {
        nonces_ = joined_->nonces;
    } else {
        nonces_.settle(lcl_.seq, head_->inputs);
    }
    for (const Rejection& rejected : pool_.settle(head_->inputs, nonces_, lcl_.seq)) {
        // Nobody here knows whether it is in one of the ledgers that were passed over.
        if (local_inputs_.erase(rejected.input) != 0 && !joined_) {
            out.push_back(rejection(rejected));
        }
    }
    for (const SharedInput& input : head_->inputs) {
        if (local_inputs_.erase(input) != 0) {
            const ByteView hash = input->hash.view();
            out.push_back(
                TellStatus{input->user, {std::nullopt, Bytes(hash.begin(), hash.end()), lcl_}});
        }
    }
}

// --- status --------------------------------------------------------------------------------------

// A member knows of itself, whenever it has last said something.
std::size_t Engine::members_heard(Instant now) const {
    if (!height_) {
        return 0;
    }
    const std::int64_t since_us = now.mono_us - params::silence_us(params_);
    const bool silent_itself =
        identity_.validator && is_member() && !height_->has_heard(identity_.self, since_us);
    return height_->heard_since(since_us) + (silent_itself ? 1 : 0);
}

LedgerSeq Engine::newest_heard() const {
    LedgerSeq newest = lcl_.seq;
    for (const auto& [member, ahead] : ahead_) {
        newest = std::max(newest, ahead.height - 1);
    }
    return newest;
}

VoteStatus Engine::current_vote_status(Instant now) const {
    if (!ahead_.empty() || execution_.is_behind()) {
        return VoteStatus::desync;
    }
    if (!is_agreeing()) {
        return persisting_ ? VoteStatus::synced : vote_status_;
    }
    const std::int64_t silent_since_us = own_open_ ? opened_at_us_ : height_->since_us();
    const bool too_long = now.mono_us - silent_since_us > params::silence_us(params_);
    if (height_->agreement().current() >= params::failed_attempts_unreliable) {
        return VoteStatus::unreliable;
    }
    if (height_->heard_since(now.mono_us - params::silence_us(params_)) >= height_->quorum()) {
        return VoteStatus::synced;
    }
    // While this member executes, nobody needs to hear from it or the others.
    return too_long && !execution_.is_executing() ? VoteStatus::unreliable : vote_status_;
}

void Engine::set_vote_status(Instant now, Effects& out) {
    const VoteStatus status = current_vote_status(now);
    if (status != vote_status_) {
        vote_status_ = status;
        out.push_back(StatusChanged{status});
    }
}

void Engine::contradiction(const PublicKey& member, std::string_view what, Effects& out) {
    const auto known = std::pair(member, std::string(what));
    if (std::find(reported_.begin(), reported_.end(), known) == reported_.end()) {
        reported_.push_back(known);
        out.push_back(Report{known.second, {member}});
    }
}

} // namespace hp::consensus
