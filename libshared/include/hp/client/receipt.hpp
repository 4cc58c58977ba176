// SPDX-License-Identifier: Apache-2.0
// What became of one input, decided from the messages and ledgers that follow it, never from a
// clock (user-protocol.md 8.3): outputs of an input in ledger L are delivered with ledger L+1, and
// an input that is in no ledger up to its last allowed one never will be. Pure; one owner.
#pragma once

#include "hp/client/client.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

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

    // Outputs are those of the `rounds` ledgers after the input's, or fewer as soon as `enough`
    // says so of what has come. Without it the first ones end the wait for one round.
    using Enough = std::function<bool(const std::vector<Output>&)>;
    explicit Receipt(LedgerSeq max_ledger_seq, LedgerSeq rounds = 1, Enough enough = nullptr)
        : max_ledger_seq_(max_ledger_seq), rounds_(rounds), enough_(std::move(enough)) {}

    // Feed what the client reports, in order of arrival.
    void on_outcome(const InputOutcome& outcome);
    void on_output(const Output& output);
    void on_ledger(const proto::LedgerHeader& ledger);

    State state() const { return state_; }
    bool is_final() const { return state_ != State::pending && state_ != State::accepted; }
    const InputOutcome& outcome() const { return outcome_; }
    const Output& output() const { return outputs_.front(); } // State::outputs only
    const std::vector<Output>& outputs() const { return outputs_; }

private:
    void judge(const proto::LedgerHeader& ledger);

    State at_end() const; // of the last round
    bool is_enough() const { return enough_ ? enough_(outputs_) : rounds_ == 1; }

    LedgerSeq max_ledger_seq_;
    LedgerSeq rounds_;
    Enough enough_;
    State state_ = State::pending;
    InputOutcome outcome_;
    std::vector<Output> outputs_;
    std::optional<proto::LedgerHeader> last_ledger_;
    LedgerSeq seen_ = 0; // how many of the rounds' ledgers the node told about
};

} // namespace hp::client
