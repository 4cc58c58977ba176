// SPDX-License-Identifier: Apache-2.0
#include "contract/waiting_contract.hpp"

#include <algorithm>
#include <bit>

#include <poll.h>
#include <sys/stat.h>

#include "contract/process_end.hpp"
#include "contract/stdin_document.hpp"
#include "hp/base/check.hpp"
#include "hp/base/time.hpp"

namespace hp::contract {
namespace {

// Users come and go between ledgers; a few channels more cost little.
constexpr std::size_t users_reserved_min = 8;

// A limit on open files counts the channels too, unless they all have numbers beyond it: then a
// channel more would be a file less.
bool counts_channels(const SpawnRequest& command) {
    return command.limits.proc_ofd_count > static_cast<std::uint64_t>(first_channel_fd);
}

bool is_readable(int fd) {
    pollfd state{fd, POLLIN, 0};
    return ::poll(&state, 1, 0) != 0;
}

bool is_empty(const os::Fd& file) {
    struct stat info {};
    return ::fstat(file.get(), &info) == 0 && info.st_size == 0;
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
        return "it has used a channel, or opened its document by name, before there was anything";
    case NotUsable::holds_inputs:
        return "it keeps its document or inputs from being filled";
    }
    return "unknown";
}

std::size_t reserved_users(bool readonly, std::size_t users) {
    return readonly ? users : std::max(users_reserved_min, std::bit_ceil(users));
}

Result<WaitingContract::File> WaitingContract::make_file(const char* name, OpenWatch& watch) {
    HP_TRY(os::Fd fd, os::make_memfd(name));
    HP_TRY(OpenWatch::Mark mark, watch.watch(fd));
    return File{std::move(fd), std::move(mark)};
}

Result<WaitingContract> WaitingContract::start(Launcher& launcher, OpenWatch& watch,
                                               const RunSpec& spec, std::size_t users) {
    HP_CHECK(spec.no_new_privs, "the filter that holds a process needs it");
    SpawnRequest command = make_request(spec);
    const std::size_t reserved =
        counts_channels(command) ? users : reserved_users(spec.readonly, users);
    HP_TRY(File document, make_file("hp_stdin", watch));
    HP_TRY(File inputs, make_file("hp_inputs", watch));
    Notes notes;
    HP_TRY(
        StartedContract contract,
        start_process(launcher, spec, {document.fd.get(), inputs.fd.get(), reserved, true}, notes));
    return WaitingContract(std::move(command), std::move(contract), std::move(document),
                           std::move(inputs));
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
    if (has_used_channels() || has_opened_files()) {
        return NotUsable::acted;
    }
    return std::nullopt;
}

bool WaitingContract::has_ended() const {
    return is_readable(contract_.process.fd());
}

bool WaitingContract::has_used_channels() const {
    const ChannelEnds& ends = contract_.channels;
    std::vector<pollfd> fds = {{ends.control.get(), POLLIN, 0}, {ends.npl.get(), POLLIN, 0}};
    for (const os::Fd& user : ends.users) {
        fds.push_back({user.get(), POLLIN, 0});
    }
    return ::poll(fds.data(), fds.size(), 0) != 0; // leaves out what is not there
}

bool WaitingContract::has_opened_files() const {
    return document_.mark.opened() || inputs_.mark.opened();
}

// Inputs and document cannot change any more when the process is let go. One that opens the
// document by its name does so before the check, and is not used, or finds all of it.
tl::expected<StartedContract, NotUsable> WaitingContract::deliver(const RunSpec& spec) && {
    const InputLayout layout = lay_out_inputs(spec.users);
    const std::string document = make_stdin_document(spec, layout, number_channels(spec.readonly));
    if (!is_empty(inputs_.fd) || !is_empty(document_.fd) ||
        !fill_input_file(inputs_.fd, spec.users, layout) ||
        !os::write_all_at(document_.fd.get(), as_bytes(document), 0) || !os::seal(document_.fd)) {
        return tl::unexpected(NotUsable::holds_inputs);
    }
    if (has_opened_files()) {
        return tl::unexpected(NotUsable::acted);
    }
    contract_.channels.users.resize(spec.users.size()); // nobody listens to the rest
    contract_.input_bytes = layout.input_bytes;
    contract_.delivered_us = SystemClock().now().mono_us;
    contract_.process.release();
    return std::move(contract_);
}

std::optional<std::string> WaitingContract::end() {
    contract_.process.kill();
    const auto report = contract_.process.read_report();
    if (!report || report->started()) {
        return std::nullopt;
    }
    return std::string(to_string(report->failed_step)) + ": " + errno_text(report->code);
}

} // namespace hp::contract
