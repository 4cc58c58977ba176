// SPDX-License-Identifier: Apache-2.0
// Decided ledgers that this node's state does not reflect yet, without a gap up to the newest one,
// as many of them as may wait to be executed. Pure; one owner.
#pragma once

#include <deque>

#include "hp/proto/ledger.hpp"

namespace hp::consensus {

class LedgerBacklog {
public:
    // The newest. One that does not follow on the one before begins anew; the oldest make room.
    void add(proto::SharedLedger ledger);
    // The state reflects this ledger now, or is to become what it was after it.
    void forget_through(LedgerSeq seq);
    // Null when it is not here.
    proto::SharedLedger find(LedgerSeq seq) const;

    std::size_t size() const { return ledgers_.size(); }

private:
    void drop_oldest();

    std::deque<proto::SharedLedger> ledgers_;
    std::size_t bytes_ = 0; // of their inputs
};

} // namespace hp::consensus
