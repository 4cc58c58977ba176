// SPDX-License-Identifier: Apache-2.0
// What this node's state reflects, and what has to happen next so that it reflects the newest
// decided ledger: run the contract, or first fetch the state that was agreed on when its own is
// another (consensus.md 6.4.6, 6.4.10). Ledgers that were decided meanwhile are executed one after
// another: a state of any size costs more to take over than most of them, and would be as far
// behind again when it is here. Runs one thing at a time. Pure; one owner.
#pragma once

#include <optional>

#include "consensus/effect.hpp"
#include "consensus/ledger_backlog.hpp"

namespace hp::consensus {

class Execution {
public:
    // `own`: what the state reflects at start-up.
    explicit Execution(proto::SharedResult own, LiftedGuards lifted = {})
        : own_(std::move(own)), lifted_(std::move(lifted)) {}

    // The newest ledger is `ledger`, which continues from the state in its header. `holders` have
    // that state. `catching_up`: newer ledgers are known to exist, so running this one is wasted.
    void decided(proto::SharedLedger ledger, std::vector<PublicKey> holders, bool catching_up);

    // A run has ended or a state has come: the one asked for last, or an earlier one.
    void ready(proto::SharedResult result);

    // What to do now, if anything (Execute or SyncState; the caller adds unl_active_on). The caller
    // performs it.
    std::optional<Effect> next();

    bool is_executing() const { return executing_ != 0; }
    // Fetches a state, or executes ledgers before the newest two.
    bool is_behind() const;
    // The newest ledger's own result, null while it is not there.
    proto::SharedResult result() const;
    // Own result for the ledger before the newest, if the state it gave is the agreed one.
    proto::SharedResult result_of(const LedgerId& ledger) const;
    ResultClaim claim() const; // of result(), which must be there

private:
    bool continues_from(const proto::LedgerRecord& ledger,
                        const proto::ExecutionResult& result) const;
    proto::SharedLedger ledger_after(const proto::ExecutionResult& result) const;
    void compare_replayed(const proto::ExecutionResult& result);
    void name_own();

    proto::SharedResult own_; // what the state reflects; null when unknown
    LedgerId own_of_;         // hash only known for the newest two ledgers
    proto::SharedLedger head_;
    LedgerBacklog backlog_; // what own_, or the state that is fetched, does not reflect
    std::vector<PublicKey> holders_;
    bool catching_up_ = false;
    LedgerSeq executing_ = 0; // 0: not
    bool replaying_ = false;  // and newer ones were decided when it began
    LedgerSeq syncing_ = 0;   // 0: not; else the ledger whose result is being fetched, plus 1
    Hash32 sync_state_;
    // What a contract does may depend on when its messages to those of other nodes arrive: a run
    // that comes later gives another state then, and further ones are no use.
    bool replays_agree_ = true;
    LiftedGuards lifted_;
};

} // namespace hp::consensus
