// SPDX-License-Identifier: Apache-2.0
#include "consensus/execution.hpp"

#include "hp/base/check.hpp"

namespace hp::consensus {

void Execution::decided(proto::SharedLedger ledger, std::vector<PublicKey> holders,
                        bool catching_up) {
    head_ = std::move(ledger);
    holders_ = std::move(holders);
    catching_up_ = catching_up;
    name_own();
}

void Execution::ready(proto::SharedResult result) {
    const bool ran = executing_ != 0 && result->seq == executing_;
    const bool came = syncing_ != 0 && result->seq + 1 == syncing_;
    if (!ran && !came) {
        return; // a state that was asked for earlier; another one is on its way
    }
    executing_ = 0;
    syncing_ = 0;
    own_ = std::move(result);
    name_own();
}

void Execution::name_own() {
    if (!own_ || !head_) {
        return;
    }
    const proto::LedgerHeader& head = head_->header;
    own_of_ = own_->seq == head.seq       ? LedgerId{head.seq, head.hash}
              : own_->seq + 1 == head.seq ? LedgerId{own_->seq, head.prev_hash}
                                          : LedgerId{own_->seq, {}};
}

bool Execution::reflects_parent() const {
    return own_ && holds(lifted_, Guard::execute_agreed_state,
                         own_->state_hash == head_->header.state_hash &&
                             own_->config_hash == head_->header.config_hash);
}

std::optional<Effect> Execution::next() {
    if (!head_ || executing_ != 0 || catching_up_ || result()) {
        return std::nullopt;
    }
    const proto::LedgerHeader& head = head_->header;
    if (reflects_parent()) {
        executing_ = head.seq;
        syncing_ = 0;
        own_ = nullptr;
        return Execute{head_, {}};
    }
    if (syncing_ == head.seq && sync_state_ == head.state_hash) {
        return std::nullopt;
    }
    syncing_ = head.seq;
    sync_state_ = head.state_hash;
    own_ = nullptr;
    const ResultClaim target{
        {head.seq - 1, head.prev_hash}, head.state_hash, head.config_hash, head.output_hash};
    return SyncState{target, holders_};
}

proto::SharedResult Execution::result() const {
    if (!head_) {
        return own_; // genesis
    }
    return result_of({head_->header.seq, head_->header.hash});
}

proto::SharedResult Execution::result_of(const LedgerId& ledger) const {
    return own_ && own_of_ == ledger ? own_ : nullptr;
}

ResultClaim Execution::claim() const {
    const proto::SharedResult own = result();
    HP_CHECK(own != nullptr, "no result to claim");
    return {own_of_, own->state_hash, own->config_hash, own->output_root};
}

} // namespace hp::consensus
