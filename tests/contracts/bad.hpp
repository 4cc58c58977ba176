// SPDX-License-Identifier: Apache-2.0
//
// bad_contract does what no contract should. Each behaviour is a function, chosen by the text a
// user sends: "name" or "name:argument"; README.md lists them. Everything is bounded in time,
// processes and bytes, so that a node that fails to stop it leaves no lasting harm on the machine.
//
// Threads: main thread only.
#pragma once

#include <hp/contract/contract.hpp>

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace hp::bad {

struct Call {
    contract::Context& context;
    contract::User& user;
    std::string_view argument;
};

/// Returns what the user is told; an empty text sends nothing.
struct Behaviour {
    std::string_view name;
    std::string (*run)(Call&);
};

[[nodiscard]] std::span<const Behaviour> process_behaviours();
[[nodiscard]] std::span<const Behaviour> channel_behaviours();
[[nodiscard]] std::span<const Behaviour> file_behaviours();
[[nodiscard]] std::span<const Behaviour> escape_behaviours();

/// Nothing of this contract lives longer, whatever the node does.
inline constexpr unsigned life_seconds_max = 60;

/// "ok", or the name of the current errno.
[[nodiscard]] std::string outcome(bool done);
/// The argument as a number, 0 if it is none.
[[nodiscard]] std::size_t number(std::string_view text);
/// A number of the document the node sent, such as "control_fd"; -1 if there is none.
[[nodiscard]] int document_number(const contract::Context& context, std::string_view key);
bool write_all(int fd, std::string_view bytes);
/// Processes of the node above this one, nearest first, as far as this one can see them.
[[nodiscard]] std::vector<pid_t> ancestors();
void sleep_ms(unsigned duration_ms);

} // namespace hp::bad
