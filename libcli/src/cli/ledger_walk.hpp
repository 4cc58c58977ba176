// SPDX-License-Identifier: Apache-2.0
// Visits ledgers in order, several queries at a time, and waits for new ones if asked to. One
// thread.
#pragma once

#include "cli/session.hpp"

#include <functional>
#include <map>

namespace hp::cli {

struct LedgerWalk {
    LedgerRange range;
    bool inputs = false;
    bool outputs = false;
    bool follow = false; // goes on with ledgers to come
};

class LedgerWalker {
public:
    using Ledger = std::optional<proto::QueriedLedger>; // absent: the node does not have it
    // An error ends the walk; so does the end of the range, with what `on_end` gives.
    using OnLedger = std::function<tl::expected<void, Failure>(LedgerSeq, const Ledger&)>;

    LedgerWalker(const Args& args, const LedgerWalk& walk, const client::Signer& signer);

    Outcome run(OnLedger on_ledger, std::function<Outcome()> on_end);

    Session& session() { return session_; }

    // Ledgers of the range that have not been delivered yet.
    LedgerSeq left() const { return end_ > next_delivered_ ? end_ - next_delivered_ : 0; }

private:
    void start();
    void set_range(LedgerSeq lcl);
    void ask_more();
    void on_answer(LedgerSeq seq, const Result<Ledger>& ledger);
    void deliver();

    const LedgerWalk walk_;
    Session session_;
    OnLedger on_ledger_;
    std::function<Outcome()> on_end_;
    bool ranged_ = false;
    LedgerSeq next_asked_ = 0;
    LedgerSeq next_delivered_ = 0;
    LedgerSeq end_ = 0; // behind the last
    std::map<LedgerSeq, Ledger> answers_;
};

} // namespace hp::cli
