// SPDX-License-Identifier: Apache-2.0
// How a node gets back to the others when it cannot do so ledger by ledger, how it helps others to,
// and what it says about it.
#include "consensus/message_codec.hpp"
#include "hp/base/limits.hpp"
#include "hp/crypto/blake3.hpp"
#include "node/node.hpp"

namespace hp::node {
namespace {

// Every node that was there keeps the inputs of as many ledgers; beyond it would take luck, and
// much longer than going on from the newest.
constexpr LedgerSeq missed_ledgers_max = ledger::raw_ledgers_min;

constexpr LedgerSeq raw_shard_ledgers = ledger::Retention().raw_shard_ledgers;

} // namespace

void Node::make_catch_up() {
    CatchUp::Callbacks callbacks;
    callbacks.start = [this] { return catch_up_start(); };
    callbacks.peers = [this] { return peers_->connected(); };
    callbacks.ask = [this](const PublicKey& peer, const peer::PeerMessage& message) {
        peers_->send(peer, Lane::votes, make_frame(message));
    };
    callbacks.on_bad_message = [this](const PublicKey& peer, const std::string& why) {
        peers_->offends(peer, PeerPort::Offence::bad_message, why);
    };
    callbacks.on_done = [this](CatchUp::Outcome outcome) { on_caught_up(std::move(outcome)); };
    catch_up_ = std::make_unique<CatchUp>(reactor_, verify_workers_, clock_, std::move(callbacks),
                                          consensus_log_);
}

CatchUp::Start Node::catch_up_start() const {
    const config::Patch& patch = config().contract.patch;
    CatchUp::Start start;
    start.trust = {crypto::b3(as_bytes(config().contract.id)), patch.unl,
                   patch.consensus.threshold};
    start.newest = engine_->lcl().seq;
    start.config_hash = agreed_.hash_in_force();
    return start;
}

// --- this node -----------------------------------------------------------------------------------

// Who wants to have all ledgers tries to get them as long as anybody has them.
bool Node::wants_missed_ledgers(LedgerSeq missed) const {
    const config::Node& node = config().node;
    return node.history == config::History::full ||
           missed <= node.max_raw_shards * raw_shard_ledgers;
}

void Node::watch_distance() {
    const LedgerSeq missed = engine_->newest_heard() - engine_->lcl().seq;
    if (missed > missed_ledgers_max && !wants_missed_ledgers(missed)) {
        const std::vector<PublicKey> peers = peers_->connected();
        if (!peers.empty()) {
            catch_up_->begin(peers.front(), "more ledgers were missed than others keep",
                             missed_ledgers_max);
        }
    }
}

void Node::on_peer(const PublicKey& from, peer::NoLedger& answer) {
    if (answer.seq == engine_->lcl().seq + 1 && !is_suspended()) {
        catch_up_->begin(from, "a peer does not have the next ledger any more", 0);
    }
}

void Node::on_peer(const PublicKey& from, peer::Epochs& answer) {
    catch_up_->on_epochs(from, std::move(answer.bytes));
}

void Node::on_peer(const PublicKey& from, peer::Snapshot& answer) {
    catch_up_->on_snapshot(from, std::move(answer.bytes));
}

// Links and configurations first: whatever becomes of this, they are proven.
void Node::on_caught_up(CatchUp::Outcome outcome) {
    for (const CatchUp::Epoch& epoch : outcome.epochs) {
        storage_worker_.submit([this, epoch] {
            auto kept = ledgers_->keep_config(epoch.config_hash, epoch.config);
            if (kept) {
                kept = ledgers_->keep_link(epoch.seq, epoch.config_hash, epoch.link);
            }
            if (!kept) {
                post_fatal(kept.err());
            }
        });
    }
    joining_ = std::move(outcome);
    feed(consensus::Rejoin{joining_->snapshot});
}

// The ledger that was joined is stored: what it names may be unknown here, and if it cannot be used
// the configuration before it is in force.
void Node::prepare_joined_config(const AgreedHash& ledger) {
    if (!joining_ || joining_->snapshot->ledger->block->header.seq != ledger.seq) {
        return;
    }
    const CatchUp::Outcome joined = std::move(*joining_);
    joining_.reset();
    wanted_config_.reset();
    config_timer_.cancel();
    if (joined.in_force && joined.in_force->config_hash != ledger.config &&
        joined.in_force->config_hash != agreed_.hash_in_force()) {
        agreed_.pending(joined.in_force->config_hash, joined.in_force->config);
        if (const auto done = agreed_.decided({joined.in_force->seq, joined.in_force->config_hash});
            !done) {
            fatal(done.err());
            return;
        }
    }
    if (!joined.config.empty()) {
        keep_config(ledger.config, joined.config);
        if (ledger.config != agreed_.hash_in_force()) {
            agreed_.pending(ledger.config, joined.config);
        }
    }
}

std::string Node::activity() const {
    const LedgerSeq lcl = engine_->lcl().seq;
    if (const auto progress = catch_up_->progress()) {
        return "looking for the newest ledger by the epoch chain: " +
               std::to_string(progress->epochs) +
               " changes of the configuration verified, a peer "
               "is at ledger " +
               std::to_string(progress->newest);
    }
    if (wanted_config_) {
        return "asking peers for the configuration that ledger " +
               std::to_string(wanted_config_->seq) + " agreed on";
    }
    if (engine_->newest_heard() > lcl) {
        return "fetching ledgers: at " + std::to_string(lcl) + ", others are at " +
               std::to_string(engine_->newest_heard());
    }
    return state_progress_;
}

// --- others --------------------------------------------------------------------------------------

void Node::on_peer(const PublicKey& from, peer::GetEpochs& request) {
    if (!may_follow(from)) {
        return;
    }
    const LedgerSeq newest = engine_->lcl().seq;
    look_up(from, Lane::bulk, [newest, above = request.above](ledger::Store& ledgers) {
        auto epochs = ledgers.epochs(above, limits::epochs_per_page_max);
        if (!epochs) {
            return Answers();
        }
        consensus::EpochPage page;
        page.newest = newest;
        std::size_t bytes = 0;
        for (ledger::Store::Epoch& epoch : *epochs) {
            bytes += epoch.link.size() + epoch.config.size();
            if (bytes > limits::epoch_page_bytes_max && !page.epochs.empty()) {
                break;
            }
            page.epochs.push_back({std::move(epoch.link), std::move(epoch.config)});
        }
        return Answers{make_frame(peer::Epochs{consensus::encode_page(page)})};
    });
}

void Node::on_peer(const PublicKey& from, peer::GetSnapshot&) {
    if (!may_follow(from)) {
        return;
    }
    look_up(from, Lane::bulk, [](ledger::Store& ledgers) {
        const auto newest = ledgers.newest_with_recent();
        if (!newest || !newest->head.ledger) {
            return Answers();
        }
        std::vector<consensus::RecentUser> recent;
        for (const ledger::RecentUser& user : newest->recent) {
            recent.push_back({user.user, user.last_nonce, user.expires});
        }
        const proto::LedgerRecord& ledger = *newest->head.ledger;
        return Answers{make_frame(peer::Snapshot{consensus::encode_snapshot(
            newest->head.proof, proto::encode_inputs(ledger.users, ledger.inputs), recent)})};
    });
}

} // namespace hp::node
