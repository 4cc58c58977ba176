// SPDX-License-Identifier: Apache-2.0
#include "contract/waiting_contract.hpp"

#include <algorithm>
#include <bit>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "contract/process_end.hpp"
#include "contract/stdin_document.hpp"

namespace hp::contract {
namespace {

// Users come and go between ledgers; a few channels more cost little.
constexpr std::size_t users_reserved_min = 8;

// A limit on open files counts the channels too, unless they all have numbers beyond it: then a
// channel more would be a file less.
bool counts_channels(const SpawnRequest& command) {
    return command.limits.proc_ofd_count > static_cast<std::uint64_t>(first_channel_fd);
}

} // namespace

std::string_view to_string(NotUsable why) {
    switch (why) {
    case NotUsable::other_command:
        return "the configuration has changed";
    case NotUsable::other_users:
        return "it has channels for another number of users";
    case NotUsable::ended:
        return "it has ended before it was given anything to do";
    case NotUsable::acted:
        return "it has used a channel before it was given anything to do";
    case NotUsable::holds_inputs:
        return "it keeps the file of inputs from being filled";
    }
    return "unknown";
}

std::size_t reserved_users(bool readonly, std::size_t users) {
    return readonly ? users : std::max(users_reserved_min, std::bit_ceil(users));
}

Result<WaitingContract> WaitingContract::start(Launcher& launcher, const RunSpec& spec,
                                               std::size_t users) {
    SpawnRequest command = make_request(spec);
    const std::size_t reserved =
        counts_channels(command) ? users : reserved_users(spec.readonly, users);
    HP_TRY(os::Fd inputs, os::make_memfd("hp_inputs"));
    HP_TRY(os::FdPair in, os::pipe_pair()); // "ours" is the end that reads
    HP_TRY_STATUS(os::set_nonblocking(in.theirs));
    allow_reopening(in.ours, spec.run_as);
    Notes notes;
    HP_TRY(StartedContract contract,
           start_process(launcher, spec, {in.ours.get(), inputs.get(), reserved}, notes));
    return WaitingContract(std::move(command), std::move(contract), std::move(inputs),
                           std::move(in.theirs));
}

std::optional<NotUsable> WaitingContract::why_not(const RunSpec& spec) const {
    const bool readonly = !contract_.channels.npl;
    if (command_ != make_request(spec) || readonly != spec.readonly ||
        contract_.logs.is_open() != spec.log.has_value()) {
        return NotUsable::other_command;
    }
    const std::size_t reserved = contract_.channels.users.size();
    if (spec.users.size() > reserved ||
        (counts_channels(command_) && spec.users.size() != reserved)) {
        return NotUsable::other_users;
    }
    if (has_ended()) {
        return NotUsable::ended;
    }
    return has_acted() ? std::optional(NotUsable::acted) : std::nullopt;
}

bool WaitingContract::has_ended() const {
    pollfd process{contract_.process.fd(), POLLIN, 0};
    return ::poll(&process, 1, 0) != 0;
}

bool WaitingContract::has_acted() const {
    const ChannelEnds& ends = contract_.channels;
    std::vector<pollfd> fds = {{ends.control.get(), POLLIN, 0}};
    if (ends.npl) {
        fds.push_back({ends.npl.get(), POLLIN, 0});
    }
    for (const os::Fd& user : ends.users) {
        fds.push_back({user.get(), POLLIN, 0});
    }
    struct stat info {};
    return ::poll(fds.data(), fds.size(), 0) != 0 || ::fstat(inputs_.get(), &info) != 0 ||
           info.st_size != 0;
}

tl::expected<StartedContract, NotUsable> WaitingContract::deliver(const RunSpec& spec) && {
    const InputLayout layout = lay_out_inputs(spec.users);
    // Before the document: what the contract finds there must never change again.
    if (!fill_input_file(inputs_, spec.users, layout)) {
        return tl::unexpected(NotUsable::holds_inputs);
    }
    inputs_.reset();
    contract_.channels.users.resize(spec.users.size()); // the rest stay unused
    contract_.input_bytes = layout.input_bytes;
    contract_.ahead = true;
    contract_.feed = StdinFeed(std::move(pipe_),
                               make_stdin_document(spec, layout, number_channels(spec.readonly)));
    contract_.feed.push();
    return std::move(contract_);
}

} // namespace hp::contract
