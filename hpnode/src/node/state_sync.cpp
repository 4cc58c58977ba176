// SPDX-License-Identifier: Apache-2.0
#include "node/state_sync.hpp"

#include "state/versions.hpp"

namespace hp::node {
namespace {

constexpr TimeMs report_every_ms = 1000;
// Nothing came for so long: the version may not be kept any more by those who would answer. Longer
// than it takes until others are asked for what a peer keeps back.
constexpr TimeMs stalled_ms = 5000;

} // namespace

state::Trees StateSync::own_trees() const {
    const state::Version& own = store_.versions().list()->back();
    return {own.state, own.patch};
}

Status StateSync::begin(const Target& target, const std::vector<PublicKey>& peers, TimeMs now) {
    log_.info(
        "fetching the agreed state from peers",
        {{"seq", target.seq}, {"state", target.roots.state.short_hex()}, {"peers", peers.size()}});
    newer_.reset();
    if (!client_ && !came_) {
        return start(target, peers, now);
    }
    if (client_ && target.roots == current_.roots) {
        current_ = target;
    } else {
        newer_ = target;
        newer_peers_ = peers;
    }
    return {};
}

Status StateSync::go_on(TimeMs now) {
    came_ = false;
    if (!newer_ || client_) {
        return {};
    }
    return start(*std::exchange(newer_, std::nullopt), std::exchange(newer_peers_, {}), now);
}

void StateSync::stop() {
    if (client_) {
        next_id_ = client_->next_id();
    }
    client_.reset();
    newer_.reset();
    came_ = false;
}

Status StateSync::start(const Target& target, const std::vector<PublicKey>& peers, TimeMs now) {
    HP_TRY(state::sync::Client client,
           state::sync::Client::start(store_.versions().root_dir(), state::FileOps(), target.roots,
                                      own_trees(), {callbacks_.send, callbacks_.penalise}, log_,
                                      next_id_));
    client_.emplace(std::move(client));
    current_ = target;
    reported_ms_ = now;
    progress_ms_ = now;
    callbacks_.report("fetching the agreed state after ledger " + std::to_string(target.seq));
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
    if (client_->state() == State::complete) {
        return finish();
    }
    HP_TRY_STATUS(while_fetching(now));
    return false;
}

Result<bool> StateSync::finish() {
    HP_TRY(const bool adopted, store_.adopt(current_.seq, current_.roots));
    if (!adopted) {
        return false;
    }
    next_id_ = client_->next_id();
    client_.reset();
    came_ = true;
    return true;
}

Status StateSync::while_fetching(TimeMs now) {
    const state::sync::FetchProgress& at = client_->progress();
    if (const std::uint64_t done = at.entries_done + at.bytes_done; done != done_) {
        done_ = done;
        progress_ms_ = now;
    }
    if (now - reported_ms_ >= report_every_ms) {
        reported_ms_ = now;
        log_.info("fetching the agreed state", {{"seq", current_.seq},
                                                {"entries", at.entries_done},
                                                {"of_entries", at.entries_known},
                                                {"bytes", at.bytes_done},
                                                {"of_bytes", at.bytes_known}});
        callbacks_.report("fetching the agreed state after ledger " + std::to_string(current_.seq) +
                          ": " + std::to_string(at.bytes_done) + " of " +
                          std::to_string(at.bytes_known) + " bytes known so far");
    }
    const bool gone = client_->state() == state::sync::Fetch::State::target_gone;
    if (!newer_ || !(gone || now - progress_ms_ >= stalled_ms)) {
        return {}; // without a newer one: the engine names it with the next ledger
    }
    current_ = *std::exchange(newer_, std::nullopt);
    progress_ms_ = now;
    return client_->retarget(current_.roots, own_trees(), now);
}

} // namespace hp::node
