// SPDX-License-Identifier: Apache-2.0
//
// What the contract does, without any input or output: one text in, one JSON text out, and the
// state between. Nothing here may depend on time, chance or the machine, because every node of the
// cluster must come to the same answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tally {

/// Longest text that `set` takes. A limit keeps one user from filling every node's disk.
inline constexpr std::size_t text_bytes_max = 1024;

struct State {
    std::int64_t total = 0;
    std::string text;

    bool operator==(const State&) const = default;
};

/// Carries out one request (see README.md for the list) and returns the answer.
[[nodiscard]] std::string handle(State& state, std::string_view request, bool readonly);

} // namespace tally
