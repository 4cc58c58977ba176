// SPDX-License-Identifier: Apache-2.0
#include "consensus/execution.hpp"

#include "hp/base/check.hpp"

namespace hp::consensus {

void Execution::decided(proto::SharedLedger ledger, std::vector<PublicKey> holders,
                        bool catching_up) {
    head_ = std::move(ledger);
    holders_ = std::move(holders);
    catching_up_ = catching_up;
    backlog_.add(head_);
    name_own();
}

void Execution::ready(proto::SharedResult result) {
    const bool ran = executing_ != 0 && result->seq == executing_;
    const bool came = syncing_ != 0 && result->seq + 1 == syncing_;
    // Nothing may come of it but a run at once: else the newer state that was asked for is fetched.
    const bool came_early = syncing_ != 0 && !came && !catching_up_ && ledger_after(*result);
    if (!ran && !came && !came_early) {
        return;
    }
    if (ran) {
        compare_replayed(*result);
    }
    executing_ = 0;
    syncing_ = 0;
    own_ = std::move(result);
    backlog_.forget_through(own_->seq);
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

bool Execution::is_behind() const {
    return syncing_ != 0 || (executing_ != 0 && executing_ + 1 < head_->header.seq);
}

bool Execution::continues_from(const proto::LedgerRecord& ledger,
                               const proto::ExecutionResult& result) const {
    return holds(lifted_, Guard::execute_agreed_state,
                 result.state_hash == ledger.header.state_hash &&
                     result.config_hash == ledger.header.config_hash);
}

// What to execute on the state that `result` gave: the newest ledger when it continues from the
// very same, else the next one. Null: another state has to be fetched.
proto::SharedLedger Execution::ledger_after(const proto::ExecutionResult& result) const {
    if (continues_from(*head_, result)) {
        return head_;
    }
    const proto::SharedLedger next = backlog_.find(result.seq + 1);
    // The configuration in force is that of the newest ledger, and so is what is run.
    const bool same_config = result.config_hash == head_->header.config_hash;
    return next && replays_agree_ && same_config && continues_from(*next, result) ? next : nullptr;
}

void Execution::compare_replayed(const proto::ExecutionResult& result) {
    const proto::SharedLedger next = backlog_.find(result.seq + 1);
    if (replaying_ && next && !continues_from(*next, result)) {
        replays_agree_ = false;
    }
}

std::optional<Effect> Execution::next() {
    if (!head_ || executing_ != 0 || catching_up_ || result()) {
        return std::nullopt;
    }
    if (const proto::SharedLedger ledger = own_ ? ledger_after(*own_) : nullptr) {
        executing_ = ledger->header.seq;
        replaying_ = ledger != head_;
        syncing_ = 0;
        own_ = nullptr;
        return Execute{ledger, {}};
    }
    const proto::LedgerHeader& head = head_->header;
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
