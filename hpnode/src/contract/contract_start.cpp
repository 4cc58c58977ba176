// SPDX-License-Identifier: Apache-2.0
#include "contract/contract_start.hpp"

#include <algorithm>

#include "contract/stdin_document.hpp"
#include "tracked/view_server.hpp"

namespace hp::contract {
namespace {

std::vector<std::string> split_args(std::string_view text) {
    std::vector<std::string> args;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        if (end > 0) {
            args.emplace_back(text.substr(0, end));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return args;
}

std::vector<std::string> flatten(const std::map<std::string, std::string>& environment) {
    std::vector<std::string> out;
    out.reserve(environment.size());
    for (const auto& [key, value] : environment) {
        out.push_back(std::string(key).append("=").append(value));
    }
    return out;
}

// The node's ends of the channels; the contract's go into `request` in the order of
// number_channels(): control, inputs, NPL, users. They are borrowed by the request: `passed_on`
// keeps them until it is sent.
Result<ChannelEnds> open_channels(bool readonly, const StartWith& with, SpawnRequest& request,
                                  std::vector<os::Fd>& passed_on) {
    const auto pass_on = [&](os::Fd fd) {
        request.channels.push_back(fd.get());
        passed_on.push_back(std::move(fd));
    };
    ChannelEnds ends;
    HP_TRY(os::FdPair control, make_packet_channel());
    ends.control = std::move(control.ours);
    pass_on(std::move(control.theirs));
    request.channels.push_back(with.inputs_fd);
    if (!readonly) {
        HP_TRY(os::FdPair npl, make_packet_channel());
        ends.npl = std::move(npl.ours);
        pass_on(std::move(npl.theirs));
    }
    ends.users.reserve(with.users);
    for (std::size_t i = 0; i < with.users; ++i) {
        HP_TRY(os::FdPair user, os::stream_pair());
        ends.users.push_back(std::move(user.ours));
        pass_on(std::move(user.theirs));
    }
    return ends;
}

} // namespace

SpawnRequest make_request(const RunSpec& spec) {
    SpawnRequest request;
    request.state_dir = spec.state_dir.string();
    request.bin_path = spec.bin_path;
    request.args = split_args(spec.bin_args);
    request.environment = flatten(spec.environment);
    request.limits = spec.limits;
    request.run_as = spec.run_as;
    request.no_new_privs = spec.no_new_privs;
    request.tracked = spec.tracked;
    return request;
}

Result<os::Fd> make_report_file(SpawnRequest& request) {
    if (!request.tracked) {
        return os::Fd();
    }
    HP_TRY(os::Fd written, os::make_memfd("hp_written"));
    request.written_fd = written.get();
    return written;
}

std::optional<tracked::Written> read_report_file(const os::Fd& written) {
    if (!written) {
        return std::nullopt;
    }
    auto report = tracked::read_written(written);
    return report ? std::optional(std::move(*report)) : std::nullopt;
}

Result<StartedContract> start_process(Launcher& launcher, const RunSpec& spec,
                                      const StartWith& with, Notes& notes) {
    SpawnRequest request = make_request(spec);
    request.stdin_fd = with.stdin_fd;
    request.hold_stdin = with.hold;
    std::vector<os::Fd> passed_on;
    HP_TRY(ChannelEnds ends, open_channels(spec.readonly, with, request, passed_on));
    LogStreams logs;
    logs.open(spec, request, notes);
    HP_TRY(os::Fd written, make_report_file(request));
    HP_TRY(Process process, launcher.spawn(request));
    logs.close_write_ends();
    return StartedContract{std::move(process), std::move(ends), std::move(logs),
                           std::move(written)};
}

Result<StartedContract> start_contract(Launcher& launcher, const RunSpec& spec, Notes& notes) {
    const InputLayout layout = lay_out_inputs(spec.users);
    HP_TRY(const os::Fd inputs, make_input_file(spec.users, layout));
    const std::string document = make_stdin_document(spec, layout, number_channels(spec.readonly));
    HP_TRY(const os::Fd in, os::sealed_memfd("hp_stdin", as_bytes(document)));
    HP_TRY(StartedContract contract,
           start_process(launcher, spec, {in.get(), inputs.get(), spec.users.size()}, notes));
    contract.input_bytes = layout.input_bytes;
    return contract;
}

} // namespace hp::contract
