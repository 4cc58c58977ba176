// SPDX-License-Identifier: Apache-2.0
// A contract process that was started before there was a run for it and is held where it first
// wants its document (stdin_hold.hpp), so that the start-up of an interpreter is over when the run
// begins. It must not be possible to tell from a process started for the run: one that has done
// anything in the meantime, or would have been started differently now, is not used. What the
// process may have read in the meantime (state, private files) is its owner's to compare.
//
// Thread rule: one owner at a time.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "contract/contract_start.hpp"
#include "contract/open_watch.hpp"

namespace hp::contract {

// Why a waiting process is of no use.
enum class NotUsable : std::uint8_t {
    other_command, // it would be started differently now
    other_users,   // not enough channels, or too many for the limit of open files
    ended,         // or could not even be started
    acted,         // has written to or closed a channel, or opened document or inputs by name
    holds_inputs,  // has written to, mapped or sealed document or inputs: they cannot be filled
};

std::string_view to_string(NotUsable why);

// Output channels for so many users are reserved when the last run had `users`.
std::size_t reserved_users(bool readonly, std::size_t users);

class WaitingContract {
public:
    // Starts what would be started for `spec`, which must have no_new_privs and whose users,
    // inputs, ledger and time do not matter. `watch` must outlive the object.
    static Result<WaitingContract> start(Launcher& launcher, OpenWatch& watch, const RunSpec& spec,
                                         std::size_t users);

    // Empty: deliver() may be called. Cheap.
    std::optional<NotUsable> why_not(const RunSpec& spec) const;

    // Gives it its inputs and its document: from now on it is the run of `spec`. On failure the
    // process must go.
    tl::expected<StartedContract, NotUsable> deliver(const RunSpec& spec) &&;

    // Nothing of its tree is alive afterwards. Why it could not be started, if that is so.
    std::optional<std::string> end();

    const SpawnRequest& command() const { return command_; }

private:
    struct File { // empty and writable
        os::Fd fd;
        OpenWatch::Mark mark;
    };
    static Result<File> make_file(const char* name, OpenWatch& watch);

    WaitingContract(SpawnRequest command, StartedContract contract, File document, File inputs)
        : command_(std::move(command)), contract_(std::move(contract)),
          document_(std::move(document)), inputs_(std::move(inputs)) {}

    bool has_ended() const;
    bool has_used_channels() const;
    bool has_opened_files() const;

    SpawnRequest command_; // without descriptors
    StartedContract contract_;
    File document_;
    File inputs_;
};

} // namespace hp::contract
