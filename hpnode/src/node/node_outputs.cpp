// SPDX-License-Identifier: Apache-2.0
// What becomes of the outputs that a ledger confirms: users connected here get them, with the
// members' signatures, also when this node has not run the ledger itself.
#include <algorithm>

#include "hp/base/limits.hpp"
#include "node/node.hpp"

namespace hp::node {
namespace {

// Users have long given up on older ones; they can query the ledger.
constexpr TimeMs deliver_ms_max = 120'000;

} // namespace

void Node::make_late_outputs() {
    LateOutputs::Callbacks callbacks;
    callbacks.peers = [this] { return peers_->connected(); };
    callbacks.ask = [this](const PublicKey& peer, LedgerSeq seq) {
        peers_->send(peer, Lane::votes, make_frame(peer::GetOutputs{seq}));
    };
    callbacks.on_bad_message = [this](const PublicKey& peer, const std::string& why) {
        peers_->offends(peer, PeerPort::Offence::bad_message, why);
    };
    callbacks.on_found = [this](const LateOutputs::Wanted& wanted, const proto::SharedResult& run) {
        storage_worker_.submit([this, seq = wanted.header.seq, run] {
            if (const auto kept = ledgers_->keep_outputs(seq, proto::encode_result(*run)); !kept) {
                post_fatal(kept.err());
            }
        });
        if (clock_.now().wall_ms - wanted.header.timestamp_ms < deliver_ms_max) {
            deliver_outputs(wanted, *run);
        }
    };
    late_outputs_ = std::make_unique<LateOutputs>(reactor_, verify_workers_, std::move(callbacks),
                                                  consensus_log_);
}

// For users who may be waiting, or for the history that hp.cfg asks for.
bool Node::wants_outputs(const proto::LedgerHeader& header) const {
    const LedgerSeq newest = std::max(header.seq, engine_->newest_heard());
    return clock_.now().wall_ms - header.timestamp_ms < deliver_ms_max ||
           ledgers_->raw_is_kept(header.seq, newest);
}

void Node::on_outputs_agreed(const consensus::Decided& decided) {
    const proto::LedgerRecord& ledger = *decided.ledger;
    if (ledger.header.output_hash.is_zero()) {
        return;
    }
    const LateOutputs::Wanted confirmed{ledger.header, decided.root_signatures};
    if (ledger.previous && !ledger.previous->outputs.empty()) {
        deliver_outputs(confirmed, *ledger.previous);
    } else if (wants_outputs(ledger.header)) {
        late_outputs_->want(confirmed);
    }
}

void Node::deliver_outputs(const LateOutputs::Wanted& confirmed,
                           const proto::ExecutionResult& run) {
    const std::vector<Hash32> leaves = proto::output_leaves(run.outputs, run.state_hash);
    const auto user_leaves = std::span(leaves).first(leaves.size() - 1);
    const crypto::OutputTree tree(leaves);
    for (const proto::UserOutput& output : run.outputs) {
        std::size_t bytes = 0;
        for (const Bytes& one : output.messages) {
            bytes += one.size();
        }
        if (bytes > limits::reply_bytes_max) {
            // Said before several copies of it are made only to be thrown away.
            log_.warning("outputs are too large to be sent to their user",
                         {{"seq", confirmed.header.seq},
                          {"key", output.user.short_hex()},
                          {"bytes", bytes}});
            continue;
        }
        const auto leaf = std::lower_bound(user_leaves.begin(), user_leaves.end(), output.hash);
        proto::ContractOutput message;
        message.ledger = {confirmed.header.seq, confirmed.header.hash};
        message.outputs = output.messages;
        message.output_hash = output.hash;
        message.hash_tree = tree.collapse(static_cast<std::size_t>(leaf - user_leaves.begin()));
        for (const auto& [member, signature] : confirmed.root_signatures) {
            message.unl_signatures.push_back({member, signature});
        }
        users_->send_or_keep(output.user, message, bytes);
    }
}

void Node::on_peer(const PublicKey& from, peer::GetOutputs& request) {
    if (!may_follow(from)) {
        return;
    }
    look_up(from, Lane::bulk, [seq = request.seq](ledger::Store& ledgers) {
        auto outputs = ledgers.outputs(seq);
        return outputs ? Answers{make_frame(peer::Outputs{seq, std::move(*outputs)})} : Answers();
    });
}

void Node::on_peer(const PublicKey& from, peer::Outputs& answer) {
    late_outputs_->on_answer(from, answer.seq, std::move(answer.bytes));
}

} // namespace hp::node
