// SPDX-License-Identifier: Apache-2.0
#include "consensus/ledger_backlog.hpp"

#include "consensus/messages.hpp"
#include "consensus/params.hpp"

namespace hp::consensus {

void LedgerBacklog::add(proto::SharedLedger ledger) {
    if (!ledgers_.empty() && ledgers_.back()->header.seq + 1 != ledger->header.seq) {
        ledgers_.clear();
        bytes_ = 0;
    }
    bytes_ += container_bytes(ledger->inputs);
    ledgers_.push_back(std::move(ledger));
    while (ledgers_.size() > params::backlog_ledgers_max ||
           (bytes_ > params::backlog_bytes_max && ledgers_.size() > 1)) {
        drop_oldest();
    }
}

void LedgerBacklog::forget_through(LedgerSeq seq) {
    while (!ledgers_.empty() && ledgers_.front()->header.seq <= seq) {
        drop_oldest();
    }
}

proto::SharedLedger LedgerBacklog::find(LedgerSeq seq) const {
    if (ledgers_.empty() || seq < ledgers_.front()->header.seq) {
        return nullptr;
    }
    const LedgerSeq place = seq - ledgers_.front()->header.seq;
    return place < ledgers_.size() ? ledgers_[place] : nullptr;
}

void LedgerBacklog::drop_oldest() {
    bytes_ -= container_bytes(ledgers_.front()->inputs);
    ledgers_.pop_front();
}

} // namespace hp::consensus
