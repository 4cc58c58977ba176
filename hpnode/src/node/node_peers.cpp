// SPDX-License-Identifier: Apache-2.0
// What a node does with other nodes: takes the engine's messages to them, and theirs to the engine
// once their signatures have been checked; passes on what contracts say to each other; finds
// configurations that were agreed on while it was away.
#include <algorithm>

#include "consensus/message_codec.hpp"
#include "consensus/message_signatures.hpp"
#include "hp/base/limits.hpp"
#include "node/node.hpp"
#include "state/tree_hash.hpp"

namespace hp::node {
namespace {

constexpr std::int64_t ask_again_us = 100'000;
constexpr std::int64_t discovery_us_min = 250'000;

// How long inputs wait for others to be sent with them, and how much is enough.
constexpr std::int64_t share_inputs_us = 3000;
constexpr std::size_t shared_inputs_bytes = 64UL * 1024;

Lane lane_of(const consensus::Message& message) {
    if (std::holds_alternative<consensus::Inputs>(message)) {
        return Lane::inputs;
    }
    return std::holds_alternative<consensus::SharedCertifiedLedger>(message) ? Lane::bulk
                                                                             : Lane::votes;
}

net::SharedBytes encode(const consensus::Message& message) {
    return make_frame(peer::PeerMessage(peer::Agreement{consensus::encode_message(message)}));
}

// Null when it cannot be read.
net::SharedBytes ledger_answer(ledger::Store& ledgers, LedgerSeq seq) {
    const auto found = ledgers.ledger(seq);
    if (!found) {
        return nullptr;
    }
    const auto proof = consensus::decode_proof(found->proof);
    if (!found->ledger || !proof) {
        return make_frame(peer::PeerMessage(peer::NoLedger{seq}));
    }
    return encode(consensus::Message(std::make_shared<consensus::CertifiedLedger>(
        consensus::CertifiedLedger{proof->block, proof->commit, found->ledger->inputs})));
}

} // namespace

Status Node::open_peer_port() {
    PeerPort::Events events;
    events.on_joined = [this](const PublicKey& key) { on_peer_joined(key); };
    events.on_left = [this](const PublicKey& key) { on_peer_left(key); };
    events.on_message = [this](const PublicKey& key, peer::PeerMessage message) {
        std::visit([&](auto& m) { on_peer(key, m); }, message);
    };
    make_catch_up();
    make_late_outputs();
    peers_ = std::make_unique<PeerPort>(reactor_, config(), clock_, known_peers_, std::move(events),
                                        log_.module("peer"));
    peers_->start();
    if (!config().mesh.listen) {
        return {};
    }
    const auto done = peers_->listen(tls_files());
    if (done) {
        log_.info("listening for nodes", {{"port", peers_->port()}});
    } else if (decides_alone()) {
        log_.warning("other nodes cannot connect to this one", {{"why", done.err().context}});
        return {};
    }
    return done;
}

bool Node::is_member(const PublicKey& key) const {
    return config().contract.patch.unl.count(key) != 0;
}

// Private contracts are their members' business.
bool Node::may_follow(const PublicKey& key) const {
    return config().contract.patch.consensus.mode == config::Visibility::public_ || is_member(key);
}

void Node::on_peer_joined(const PublicKey& key) {
    inboxes_.insert_or_assign(key, Inbox{++connections_});
    told_heard_.reset(); // it may be another process than before
    executor_->on_peer_up(key);
    feed(consensus::PeerJoined{key});
    publish_connectivity();
    if (config().mesh.peer_discovery) { // a little later: others may be on their way, too
        discovery_timer_.arm_after(discovery_us_min, [this] { tell_addresses(); });
    }
}

void Node::on_peer_left(const PublicKey& key) {
    inboxes_.erase(key);
    executor_->on_peer_down(key);
    catch_up_->on_peer_left(key);
    late_outputs_->on_peer_left(key);
    publish_connectivity();
}

// --- to others -----------------------------------------------------------------------------------

// Inputs come one by one; a few milliseconds later there may be many. Whoever hears of them by an
// OPEN first would have to ask for them.
void Node::perform(const consensus::Broadcast& effect) {
    if (const auto* open = std::get_if<consensus::SharedOpen>(&effect.message)) {
        proposals_.add((*open)->by.member, 0, 0); // this node's own
        share_inputs();
    }
    if (inboxes_.empty()) {
        return; // nobody is connected
    }
    if (const auto* inputs = std::get_if<consensus::Inputs>(&effect.message)) {
        for (const proto::SharedInput& input : inputs->inputs) {
            inputs_to_share_bytes_ += input->container.size();
            inputs_to_share_.inputs.push_back(input);
        }
        if (inputs_to_share_bytes_ >= shared_inputs_bytes) {
            share_inputs();
        } else if (inputs_to_share_.inputs.size() == inputs->inputs.size()) { // the first
            inputs_timer_.arm_after(share_inputs_us, [this] { share_inputs(); });
        }
        return;
    }
    peers_->broadcast(lane_of(effect.message), encode(effect.message),
                      [this](const PublicKey& key) { return may_follow(key); });
}

void Node::share_inputs() {
    if (inputs_to_share_.inputs.empty()) {
        return;
    }
    inputs_timer_.cancel();
    inputs_to_share_bytes_ = 0;
    peers_->broadcast(Lane::inputs, encode(consensus::Message(std::exchange(inputs_to_share_, {}))),
                      [this](const PublicKey& key) { return may_follow(key); });
}

void Node::perform(const consensus::SendTo& effect) {
    if (inboxes_.count(effect.node) != 0 && may_follow(effect.node)) {
        peers_->send(effect.node, lane_of(effect.message), encode(effect.message));
    }
}

void Node::perform(const consensus::ServeLedgers& effect) {
    if (inboxes_.count(effect.node) == 0 || !may_follow(effect.node)) {
        return;
    }
    look_up(effect.node, Lane::bulk, [wanted = effect.wanted](ledger::Store& ledgers) {
        Answers answers;
        std::size_t bytes = 0;
        for (std::uint32_t i = 0; i < wanted.count; ++i) {
            const net::SharedBytes answer = ledger_answer(ledgers, wanted.seq + i);
            if (!answer ||
                (i > 0 && bytes + answer->size() > consensus::params::answer_bytes_max)) {
                break;
            }
            bytes += answer->size();
            answers.push_back(answer);
        }
        return answers;
    });
}

// A peer that asks for more than this node gets round to answering does not get all of it.
void Node::look_up(const PublicKey& peer, Lane lane, Lookup look) {
    Inbox& inbox = inboxes_[peer];
    if (inbox.lookups >= limits::peer_lookups_max) {
        return;
    }
    ++inbox.lookups;
    query_worker_.submit([this, peer, lane, look = std::move(look)] {
        reactor_.post([this, peer, lane, messages = look(*query_ledgers_)] {
            if (const auto asker = inboxes_.find(peer); asker != inboxes_.end()) {
                asker->second.lookups -= std::min<std::size_t>(asker->second.lookups, 1);
            }
            for (const net::SharedBytes& message : messages) {
                if (message->size() <= limits::peer_message_bytes_max) {
                    peers_->send(peer, lane, message);
                }
            }
        });
    });
}

// The agreed state is another than the one here: those whose results it was first.
void Node::perform(const consensus::SyncState& effect) {
    std::vector<PublicKey> peers;
    const auto add = [&](const PublicKey& key) {
        if (inboxes_.count(key) != 0 && std::find(peers.begin(), peers.end(), key) == peers.end()) {
            peers.push_back(key);
        }
    };
    std::for_each(effect.holders.begin(), effect.holders.end(), add);
    for (const PublicKey& key : peers_->connected()) {
        add(key);
    }
    const consensus::ResultClaim& target = effect.target;
    executor_->sync(
        {target.ledger.seq, {target.state_hash, target.config_hash}, target.output_root},
        std::move(peers));
}

void Node::send_state_request(const PublicKey& peer, Bytes request) {
    peers_->send(peer, Lane::votes,
                 make_frame(peer::PeerMessage(peer::StateRequest{std::move(request)})));
}

void Node::on_synced(const proto::SharedResult& result, Bytes patch) {
    roots_ = {result->state_hash, result->config_hash};
    state_progress_.clear();
    keep_config(result->config_hash, patch);
    if (result->config_hash != agreed_.hash_in_force()) {
        agreed_.pending(result->config_hash, std::move(patch));
    }
    feed(consensus::ResultReady{result});
}

// Members find out by each other's votes. Others may hear too few of those.
void Node::tell_followers(const consensus::SharedCertifiedLedger& ledger) {
    const auto follows = [this](const PublicKey& key) {
        return !is_member(key) && may_follow(key);
    };
    const bool any = std::any_of(inboxes_.begin(), inboxes_.end(),
                                 [&](const auto& entry) { return follows(entry.first); });
    if (any) {
        peers_->broadcast(Lane::bulk, encode(consensus::Message(ledger)), follows);
    }
}

void Node::on_npl(const LedgerId& run, Bytes message) {
    if (!inboxes_.empty()) {
        peers_->broadcast(Lane::inputs,
                          make_frame(peer::PeerMessage(peer::Npl{run, std::move(message)})),
                          [this](const PublicKey& key) { return may_follow(key); });
    }
}

// --- from others: agreement ----------------------------------------------------------------------

void Node::on_peer(const PublicKey& from, peer::Agreement& message) {
    if (!is_suspended()) { // else it would be for nobody, and will be said again
        check(from, std::move(message.bytes));
    }
}

void Node::check(const PublicKey& from, Bytes message) {
    Inbox& inbox = inboxes_[from];
    ++inbox.checking;
    inbox.checking_bytes += message.size();
    pace_reading(from, inbox);
    // Votes must not wait for the signatures of inputs, of which there may be thousands.
    verify_workers_.submit_urgent([this, from, bytes = std::move(message),
                                   connection = inbox.connection, number = inbox.checks.expect(),
                                   domain = engine_->domain(), came = clock_.now()]() mutable {
        auto decoded = consensus::decode_message(bytes);
        Checked checked{std::move(bytes), domain, came, {}, {}};
        if (decoded) {
            checked.status = consensus::verify_signatures(domain, *decoded);
            checked.message = std::move(*decoded);
        } else {
            checked.status = fail(decoded.err());
        }
        reactor_.post([this, from, connection, number, checked = std::move(checked)]() mutable {
            on_check_ended(from, connection, number, std::move(checked));
        });
    });
}

// What a peer says stays in order. A user's inputs have to: without the one before it an input with
// a higher nonce could get into a ledger, and the other would be refused.
void Node::on_check_ended(const PublicKey& from, std::uint64_t connection, std::uint64_t number,
                          Checked checked) {
    const auto found = inboxes_.find(from);
    if (found == inboxes_.end() || found->second.connection != connection) {
        return; // the peer has gone; what it said will be said again
    }
    for (Checked& next : found->second.checks.arrived(number, std::move(checked))) {
        on_checked(from, std::move(next));
    }
}

// Messages that have come but are not checked yet are bounded: then the peer has to wait.
void Node::pace_reading(const PublicKey& from, Inbox& inbox) {
    const bool full = inbox.checking >= limits::peer_checks_max ||
                      inbox.checking_bytes >= limits::peer_check_bytes_max;
    if (full != inbox.paused) {
        inbox.paused = full;
        peers_->pause(from, full);
    }
}

void Node::on_checked(const PublicKey& from, Checked checked) {
    const auto found = inboxes_.find(from);
    if (found == inboxes_.end() || stopping_) {
        return; // it has gone for what it said before
    }
    Inbox& inbox = found->second;
    --inbox.checking;
    inbox.checking_bytes -= checked.bytes.size();
    pace_reading(from, inbox);
    if (is_suspended()) {
        return; // likewise
    }
    if (!checked.message) {
        peers_->offends(from, PeerPort::Offence::bad_message, checked.status.err().context);
    } else if (checked.status && checked.domain == engine_->domain()) {
        forward(from, checked);
        note_proposal(checked);
        feed(consensus::MessageIn{from, std::move(*checked.message)});
    } else if (checked.status) { // the members have changed meanwhile
        check(from, std::move(checked.bytes));
    } else {
        on_bad_signature(from, inbox, std::move(checked));
    }
}

// --- members that do not hear each other ---------------------------------------------------------

// What members say is signed, so that whoever passes it on cannot change it. A member that hears
// all others needs nobody for that.
void Node::ask_to_forward() {
    if (!config().mesh.msg_forwarding || !is_member(config().node.keys.public_key)) {
        return;
    }
    peer::Forward request;
    for (const auto& [key, inbox] : inboxes_) {
        if (is_member(key)) {
            request.heard.push_back(key);
        }
    }
    const bool hears_all = request.heard.size() + 1 >= config().contract.patch.unl.size();
    if (told_heard_ == request.heard || (hears_all && !needs_forwarding_)) {
        return;
    }
    told_heard_ = request.heard;
    needs_forwarding_ = !hears_all;
    peers_->broadcast(Lane::votes, make_frame(peer::PeerMessage(std::move(request))),
                      [this](const PublicKey& key) { return is_member(key); });
}

void Node::on_peer(const PublicKey& from, peer::Forward& request) {
    if (is_member(from)) {
        inboxes_[from].hears.emplace(request.heard.begin(), request.heard.end());
    }
}

// Once: only what comes from the one who says it.
void Node::forward(const PublicKey& from, const Checked& checked) {
    if (!config().mesh.msg_forwarding || !is_member(from) ||
        consensus::signer_of(*checked.message) != from) {
        return;
    }
    const std::optional<std::set<PublicKey>>& reached = inboxes_[from].hears;
    net::SharedBytes message; // made when first needed
    for (const auto& [key, inbox] : inboxes_) {
        const bool misses = inbox.hears && inbox.hears->count(from) == 0;
        const bool is_missed = reached && reached->count(key) == 0;
        if (key != from && is_member(key) && (misses || is_missed)) {
            message =
                message ? message : make_frame(peer::PeerMessage(peer::Agreement{checked.bytes}));
            peers_->send(key, Lane::votes, message);
        }
    }
}

void Node::note_proposal(const Checked& checked) {
    const auto* open = std::get_if<consensus::SharedOpen>(&*checked.message);
    if (open != nullptr && (*open)->height == engine_->lcl().seq + 1 &&
        is_member((*open)->by.member)) {
        proposals_.add((*open)->by.member, checked.came.wall_ms - (*open)->clock_ms,
                       clock_.now().mono_ms() - checked.came.mono_ms());
    }
}

// Signatures are bound to the UNL of their height. One that does not fit here may fit a UNL that
// this node does not know yet, or one that is over.
void Node::on_bad_signature(const PublicKey& from, Inbox& inbox, Checked checked) {
    const LedgerSeq current = engine_->lcl().seq + 1;
    const std::optional<LedgerSeq> height = consensus::height_of(*checked.message);
    if (height && *height < current &&
        std::holds_alternative<consensus::SharedOpen>(*checked.message)) {
        // Whoever says it lacks a ledger gets it; before a change of the UNL it signs for the
        // members of then, and who is no member any more may be the only one to have it.
        feed(consensus::MessageIn{from, consensus::GetLedgers{*height}});
    }
    if (!height || *height < current) {
        return;
    }
    if (*height > current) {
        if (inbox.early.size() < limits::peer_early_messages_max &&
            inbox.early_bytes + checked.bytes.size() <= limits::peer_early_bytes_max) {
            inbox.early_bytes += checked.bytes.size();
            inbox.early.push_back(std::move(checked.bytes));
        }
        ask_for_ledger(from, current);
    } else if (!(checked.domain == engine_->domain())) {
        check(from, std::move(checked.bytes));
    } else if (current == 1) {
        // Without ledgers the UNL is what hp.cfg says, and may be a later one than the first.
        catch_up_->begin(from, "the first ledger is of another UNL or threshold than hp.cfg has",
                         0);
    } else {
        peers_->offends(from, PeerPort::Offence::bad_signature, checked.status.err().context);
    }
}

// The engine asks members that say they are ahead; this is for a node that cannot even tell whether
// they are members.
void Node::ask_for_ledger(const PublicKey& from, LedgerSeq seq) {
    const std::int64_t now_us = clock_.now().mono_us;
    if (now_us >= ask_ledger_at_us_) {
        ask_ledger_at_us_ = now_us + ask_again_us;
        peers_->send(from, Lane::votes, encode(consensus::Message(consensus::GetLedgers{seq})));
    }
}

void Node::check_early_messages() {
    for (auto& [from, inbox] : inboxes_) {
        std::vector<Bytes> early;
        early.swap(inbox.early);
        inbox.early_bytes = 0;
        for (Bytes& message : early) {
            check(from, std::move(message));
        }
    }
}

// --- from others: the rest -----------------------------------------------------------------------

void Node::on_peer(const PublicKey& from, peer::Npl& message) {
    if (is_member(from)) {
        executor_->npl_inlet().push(message.run, from, std::move(message.bytes));
    }
}

void Node::on_peer(const PublicKey& from, peer::GetConfig& request) {
    if (!may_follow(from)) {
        return;
    }
    look_up(from, Lane::votes, [hash = request.hash](ledger::Store& ledgers) {
        auto content = ledgers.config(hash);
        return content && *content
                   ? Answers{make_frame(peer::PeerMessage(peer::Config{std::move(**content)}))}
                   : Answers();
    });
}

void Node::on_peer(const PublicKey&, peer::Config& config) {
    if (!wanted_config_ ||
        state::hash_file_content(false, config.content) != wanted_config_->config) {
        return;
    }
    const AgreedHash wanted = *std::exchange(wanted_config_, std::nullopt);
    config_timer_.cancel();
    keep_config(wanted.config, config.content);
    agreed_.pending(wanted.config, std::move(config.content));
    adopt_config(wanted);
}

// For nodes that will ask for it.
void Node::keep_config(const Hash32& hash, const Bytes& content) {
    storage_worker_.submit([this, hash, content] {
        if (const auto kept = ledgers_->keep_config(hash, content); !kept) {
            post_fatal(kept.err());
        }
    });
}

// One peer after another until somebody has it.
void Node::ask_for_config() {
    const std::vector<PublicKey> connected = peers_->connected();
    if (!connected.empty()) {
        const PublicKey& peer = connected[ask_config_turn_++ % connected.size()];
        peers_->send(peer, Lane::votes,
                     make_frame(peer::PeerMessage(peer::GetConfig{wanted_config_->config})));
    }
    config_timer_.arm_after(ask_again_us, [this] { ask_for_config(); });
}

// A peer that asks for more than this node gets round to answering does not get all of it.
void Node::on_peer(const PublicKey& from, peer::StateRequest& request) {
    Inbox& inbox = inboxes_[from];
    if (!may_follow(from) || inbox.state_requests >= limits::peer_state_requests_max) {
        return;
    }
    ++inbox.state_requests;
    sync_worker_.submit([this, from, bytes = std::move(request.bytes)] {
        auto answer = state_server_->answer(bytes);
        reactor_.post([this, from, answer = std::move(answer)]() mutable {
            if (const auto asker = inboxes_.find(from); asker != inboxes_.end()) {
                std::size_t& waiting = asker->second.state_requests;
                waiting -= std::min<std::size_t>(waiting, 1);
            }
            if (!answer) {
                peers_->offends(from, PeerPort::Offence::bad_message, answer.err().context);
                return;
            }
            peers_->send(from, Lane::bulk,
                         make_frame(peer::PeerMessage(peer::StateAnswer{std::move(*answer)})));
        });
    });
}

void Node::on_peer(const PublicKey& from, peer::StateAnswer& answer) {
    if (!is_suspended()) { // it would be written; what does not come is asked for again
        executor_->on_state_answer(from, std::move(answer.bytes));
    }
}

// A stranger could make this node call anybody.
void Node::on_peer(const PublicKey& from, peer::Addresses& addresses) {
    if (config().mesh.peer_discovery && is_member(from)) {
        peers_->learn(addresses.list);
    }
}

void Node::tell_addresses() {
    std::vector<peer::Address> addresses = peers_->addresses();
    addresses.resize(std::min(addresses.size(), limits::known_peers_max));
    peers_->broadcast(Lane::bulk,
                      make_frame(peer::PeerMessage(peer::Addresses{std::move(addresses)})),
                      [this](const PublicKey& key) { return may_follow(key); });
    const std::int64_t interval_us = std::int64_t{config().mesh.peer_discovery_interval} * 1000;
    discovery_timer_.arm_after(std::max(interval_us, discovery_us_min),
                               [this] { tell_addresses(); });
}

} // namespace hp::node
