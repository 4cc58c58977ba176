// SPDX-License-Identifier: Apache-2.0
// What the contract is told at its start: the JSON document on stdin (contract-protocol.md
// section 7) and the file with all user inputs that it points into (8.2). Pure except for making
// the file. Any thread.
#pragma once

#include <string>
#include <vector>

#include "contract/run.hpp"
#include "hp/os/fd.hpp"

namespace hp::contract {

// Every input starts on a boundary of this size, with zeros behind it: contracts map the file, and
// C contracts compare inputs with strcmp.
inline constexpr std::uint64_t input_alignment = 4096;

struct InputSpan {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    bool operator==(const InputSpan&) const = default;
};

struct InputLayout {
    std::vector<std::vector<InputSpan>> users; // as RunSpec::users
    std::uint64_t file_size = input_alignment; // whole pages, at least one
    std::uint64_t input_bytes = 0;
};

InputLayout lay_out_inputs(const std::vector<RunUser>& users);

// Sealed, so that neither a contract nor its descendants can change it.
Result<os::Fd> make_input_file(const std::vector<RunUser>& users, const InputLayout& layout);
// The same for an anonymous file that is there already and empty. Fails when somebody has it mapped
// for writing.
Status fill_input_file(const os::Fd& file, const std::vector<RunUser>& users,
                       const InputLayout& layout);

// Descriptor numbers on the contract's side.
struct ChannelNumbers {
    int control = -1;
    int user_in = -1;
    int npl = -1;        // consensus mode only
    int first_user = -1; // the users follow each other in order
};

ChannelNumbers number_channels(bool readonly);

// Compact, ASCII, keys in the documented order.
std::string make_stdin_document(const RunSpec& spec, const InputLayout& layout,
                                const ChannelNumbers& numbers);

} // namespace hp::contract
