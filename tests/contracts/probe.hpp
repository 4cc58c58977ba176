// SPDX-License-Identifier: Apache-2.0
//
// A probe is one behaviour of probe_contract, chosen by the text a user sends: "name" or
// "name:argument". README.md lists them. Each source file offers a table of probes; adding one
// means adding a function and a row.
//
// Threads: main thread only.
#pragma once

#include <hp/contract/contract.hpp>

#include <span>
#include <string>
#include <string_view>

namespace hp::probe {

using contract::Bytes;
using contract::BytesView;
using contract::Context;
using contract::User;

/// One input that names a probe.
struct Call {
    Context& context;
    User& user;
    std::string_view argument;
    std::span<char* const> args; ///< argv of the process
};

struct Probe {
    std::string_view name;
    bool takes_argument;
    void (*run)(Call&);
};

[[nodiscard]] std::span<const Probe> output_probes();
[[nodiscard]] std::span<const Probe> process_probes();
[[nodiscard]] std::span<const Probe> file_probes();
[[nodiscard]] std::span<const Probe> view_probes();
[[nodiscard]] std::span<const Probe> channel_probes();

/// Answers "error:<what>", where `what` is an errno name such as EACCES, or "argument".
void send_error(User& user, std::string_view what);
/// The name of an errno value.
[[nodiscard]] std::string_view errno_name(int code);
/// False, with "error:argument" sent, unless the whole argument is a number in [0, `value_max`].
[[nodiscard]] bool parse_number(Call& call, unsigned long value_max, unsigned long& out);
/// Writes everything to any descriptor; false with errno set on failure.
bool write_all(int fd, std::string_view bytes);
void sleep_ms(unsigned long duration_ms);

} // namespace hp::probe
