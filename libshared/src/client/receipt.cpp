// SPDX-License-Identifier: Apache-2.0
#include "hp/client/receipt.hpp"

namespace hp::client {

void Receipt::on_outcome(const InputOutcome& outcome) {
    if (state_ != State::pending) {
        return;
    }
    outcome_ = outcome;
    state_ = outcome.rejected ? State::rejected : State::accepted;
    // A node that was out of step reports the inclusion late, after later ledgers.
    if (state_ == State::accepted && last_ledger_ && last_ledger_->seq > outcome.ledger.seq) {
        judge(*last_ledger_);
    }
}

void Receipt::on_output(const Output& output) {
    // Outputs of other inputs of this user come in other ledgers.
    if (state_ == State::accepted && output.message.ledger.seq == outcome_.ledger.seq + 1) {
        output_ = output;
        state_ = State::outputs;
    }
}

void Receipt::on_ledger(const proto::LedgerHeader& ledger) {
    last_ledger_ = ledger;
    // Statuses and ledger events of one ledger may come in either order, hence one ledger of slack.
    if (state_ == State::pending && ledger.seq > max_ledger_seq_ + 1) {
        state_ = State::status_missing;
    } else if (state_ == State::accepted && ledger.seq > outcome_.ledger.seq) {
        judge(ledger);
    }
}

void Receipt::judge(const proto::LedgerHeader& ledger) {
    if (ledger.seq == outcome_.ledger.seq + 1) {
        next_seen_ = true;
        if (ledger.output_hash.is_zero()) { // nobody got any
            state_ = State::no_outputs;
        }
        return; // outputs of this ledger may still be on their way
    }
    state_ = next_seen_ ? State::no_outputs : State::outputs_missed;
}

} // namespace hp::client
