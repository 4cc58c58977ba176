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
    const LedgerSeq seq = output.message.ledger.seq;
    if (state_ != State::accepted || seq <= outcome_.ledger.seq ||
        seq > outcome_.ledger.seq + rounds_) {
        return;
    }
    outputs_.push_back(output);
    if (is_enough()) {
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
    const LedgerSeq round = ledger.seq - outcome_.ledger.seq;
    if (round > rounds_) {
        state_ = at_end();
        return;
    }
    ++seen_;
    // Nobody got any in this one; otherwise they may still be on their way.
    if (round == rounds_ && ledger.output_hash.is_zero()) {
        state_ = at_end();
    }
}

Receipt::State Receipt::at_end() const {
    if (!outputs_.empty()) {
        return State::outputs;
    }
    return seen_ == rounds_ ? State::no_outputs : State::outputs_missed;
}

} // namespace hp::client
