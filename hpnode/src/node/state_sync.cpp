// SPDX-License-Identifier: Apache-2.0
#include "node/state_sync.hpp"

#include "state/versions.hpp"

namespace hp::node {
namespace {

constexpr TimeMs report_every_ms = 1000;

} // namespace

Status StateSync::begin(LedgerSeq seq, const state::Roots& target,
                        const std::vector<PublicKey>& peers, TimeMs now) {
    const state::Version& own = store_.versions().list()->back();
    const state::Trees trees{own.state, own.patch};
    seq_ = seq;
    target_ = target;
    log_.info("fetching the agreed state from peers",
              {{"seq", seq}, {"state", target.state.short_hex()}, {"peers", peers.size()}});
    if (client_) {
        return client_->retarget(target, trees, now);
    }
    HP_TRY(state::sync::Client client,
           state::sync::Client::start(store_.versions().root_dir(), state::FileOps(), target, trees,
                                      {callbacks_.send, callbacks_.penalise}, log_));
    client_.emplace(std::move(client));
    reported_ms_ = now;
    for (const PublicKey& peer : peers) {
        HP_TRY_STATUS(client_->on_peer_up(peer, now));
    }
    return {};
}

Status StateSync::on_peer_up(const PublicKey& peer, TimeMs now) {
    return client_ ? client_->on_peer_up(peer, now) : Status();
}

Status StateSync::on_peer_down(const PublicKey& peer, TimeMs now) {
    return client_ ? client_->on_peer_down(peer, now) : Status();
}

Status StateSync::on_answer(const PublicKey& peer, ByteView answer, TimeMs now) {
    return client_ ? client_->on_answer(peer, answer, now) : Status();
}

Result<bool> StateSync::on_tick(TimeMs now) {
    using State = state::sync::Fetch::State;
    if (!client_) {
        return false;
    }
    HP_TRY_STATUS(client_->on_tick(now));
    if (client_->state() == State::failed) {
        return fail(client_->failure());
    }
    if (client_->state() != State::complete) {
        if (now - reported_ms_ >= report_every_ms) {
            reported_ms_ = now;
            const state::sync::FetchProgress& at = client_->progress();
            log_.info("fetching the agreed state", {{"seq", seq_},
                                                    {"entries", at.entries_done},
                                                    {"of_entries", at.entries_known},
                                                    {"bytes", at.bytes_done},
                                                    {"of_bytes", at.bytes_known}});
        }
        return false; // target_gone: the engine names a newer one with the next ledger
    }
    HP_TRY(const bool adopted, store_.adopt(seq_, target_));
    if (adopted) {
        client_.reset();
    }
    return adopted;
}

} // namespace hp::node
