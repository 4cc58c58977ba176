// SPDX-License-Identifier: Apache-2.0
//
// A probe is one behaviour of probe_contract, chosen by the text a user sends: "name" or
// "name:argument". README.md lists them. Each source file offers a table of probes; adding one
// means adding a function and a row.
//
// Threads: main thread only.
#pragma once

#include <hp/contract/contract.hpp>

#include <cstddef>
#include <optional>
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

[[nodiscard]] std::span<const Probe> call_probes();
[[nodiscard]] std::span<const Probe> file_probes();
[[nodiscard]] std::span<const Probe> input_probes();
[[nodiscard]] std::span<const Probe> limit_probes();
[[nodiscard]] std::span<const Probe> npl_probes();
[[nodiscard]] std::span<const Probe> output_probes();
[[nodiscard]] std::span<const Probe> process_probes();
[[nodiscard]] std::span<const Probe> view_probes();
[[nodiscard]] std::span<const Probe> write_probes();

/// Runs the probe that `text` names for `user`; a text that names none is sent back unchanged.
void run_text(Context& context, User& user, std::string_view text, std::span<char* const> args);

/// Answers "error:<what>", where `what` is an errno name such as EACCES, or "argument".
void send_error(User& user, std::string_view what);
/// The name of an errno value.
[[nodiscard]] std::string_view errno_name(int code);
/// False, with "error:argument" sent, unless the whole argument is a number in [0, `value_max`].
[[nodiscard]] bool parse_number(Call& call, unsigned long value_max, unsigned long& out);
/// The same for one part of it.
[[nodiscard]] bool parse_number(Call& call, std::string_view text, unsigned long value_max,
                                unsigned long& out);
/// Writes everything to any descriptor; false with errno set on failure.
bool write_all(int fd, std::string_view bytes);
/// "ok" or the errno name of a call that has just failed.
[[nodiscard]] std::string_view outcome(bool done);
/// `a`, `b`, `c`... over and over, `size` bytes.
[[nodiscard]] std::string make_pattern(std::size_t size);
void sleep_ms(unsigned long duration_ms);
/// Descriptor of the context's document with this key, for probes that go around the SDK; -1 when
/// there is none.
[[nodiscard]] int channel_fd(const Context& context, std::string_view key);

struct Halves {
    std::string_view left;
    std::string_view right;
};
/// The parts before and after `at`; empty, with "error:argument" sent, when there is no left part.
[[nodiscard]] std::optional<Halves> split(Call& call, std::string_view text, std::size_t at);

} // namespace hp::probe
