// SPDX-License-Identifier: Apache-2.0
// A contract process that was started before there was a run for it and waits for its document on
// stdin, so that the start-up of an interpreter is over when the run begins. It must not be
// possible to tell from a process started for the run: one that has done anything in the meantime,
// or would have been started differently now, is not used. What the process may have read in the
// meantime (state, private files) is its owner's to compare.
//
// Thread rule: one owner at a time. The program must ignore SIGPIPE.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "contract/contract_start.hpp"

namespace hp::contract {

// Why a waiting process is of no use.
enum class NotUsable : std::uint8_t {
    other_command, // it would be started differently now
    other_users,   // not enough channels, or too many for the limit of open files
    ended,         // or could not even be executed
    acted,         // has written to or closed a channel, or written to the file of inputs
    holds_inputs,  // has the file of inputs mapped or sealed, so that it cannot be filled
};

std::string_view to_string(NotUsable why);

// Output channels for so many users are reserved when the last run had `users`.
std::size_t reserved_users(bool readonly, std::size_t users);

class WaitingContract {
public:
    // Starts what would be started for `spec`, whose users, inputs, ledger and time do not matter.
    static Result<WaitingContract> start(Launcher& launcher, const RunSpec& spec,
                                         std::size_t users);

    // Empty: deliver() may be called. Cheap.
    std::optional<NotUsable> why_not(const RunSpec& spec) const;

    // Gives it its inputs and its document: from now on it is the run of `spec`. On failure the
    // process must go; nothing of the document has reached it then.
    tl::expected<StartedContract, NotUsable> deliver(const RunSpec& spec) &&;

    // Nothing of its tree is alive afterwards.
    void end() { kill_and_wait(contract_.process); }

    const SpawnRequest& command() const { return command_; }

private:
    WaitingContract(SpawnRequest command, StartedContract contract, os::Fd inputs, os::Fd pipe)
        : command_(std::move(command)), contract_(std::move(contract)), inputs_(std::move(inputs)),
          pipe_(std::move(pipe)) {}

    bool has_ended() const;
    bool has_acted() const;

    SpawnRequest command_; // without descriptors
    StartedContract contract_;
    os::Fd inputs_; // empty and writable
    os::Fd pipe_;   // the other end of its stdin
};

} // namespace hp::contract
