// SPDX-License-Identifier: Apache-2.0
// What a doctor command has looked at: one line each, with what to do about it. Values; any thread.
#pragma once

#include "cli/program.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace hp::cli {

struct Check {
    enum class State : std::uint8_t { ok, warn, fail };
    std::string what;
    State state = State::ok;
    std::string found;
    std::string cure{};
};

using Checks = std::vector<Check>;

inline constexpr std::string_view checks_fields =
    "ok:bool checks:[{what:text state:ok|warn|fail found:text cure?:text}]";

// The answer of such a command; ErrorId::doctor_found, with the same contents, when one has failed.
Outcome conclude(const Args& args, const Checks& checks);

} // namespace hp::cli
