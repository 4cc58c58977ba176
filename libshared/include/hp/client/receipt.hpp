// SPDX-License-Identifier: Apache-2.0
// What became of one input, decided from the messages and ledgers that follow it, never from a
// clock (user-protocol.md 8.3): outputs of an input in ledger L are delivered with ledger L+1, and
// an input that is in no ledger up to its last allowed one never will be. Pure; one owner.
#pragma once

#include "hp/client/client.hpp"

#include <cstdint>
#include <optional>

namespace hp::client {

class Receipt {
public:
    enum class State : std::uint8_t {
        pending,        // no status yet
        rejected,       //
        accepted,       // in a ledger, the next one is not closed yet
        outputs,        // accepted, and output() has what the contract answered
        no_outputs,     // accepted, and the contract gave this user nothing
        outputs_missed, // accepted, but the node did not take part in the next ledger
        status_missing, // the last allowed ledger has long closed without any status
    };

    explicit Receipt(LedgerSeq max_ledger_seq) : max_ledger_seq_(max_ledger_seq) {}

    // Feed what the client reports, in order of arrival.
    void on_outcome(const InputOutcome& outcome);
    void on_output(const Output& output);
    void on_ledger(const proto::LedgerHeader& ledger);

    State state() const { return state_; }
    bool is_final() const { return state_ != State::pending && state_ != State::accepted; }
    const InputOutcome& outcome() const { return outcome_; }
    const Output& output() const { return *output_; } // State::outputs only

private:
    void judge(const proto::LedgerHeader& ledger);

    LedgerSeq max_ledger_seq_;
    State state_ = State::pending;
    InputOutcome outcome_;
    std::optional<Output> output_;
    std::optional<proto::LedgerHeader> last_ledger_;
    bool next_seen_ = false; // the ledger after outcome_.ledger
};

} // namespace hp::client
