// SPDX-License-Identifier: Apache-2.0
// The first place in which two runs of the same inputs differ: in how they ended, in what users
// were told, in the state. What they said to other nodes or printed may differ. Blocking: reads the
// files that differ.
#pragma once

#include "contract/dry_run.hpp"

#include <optional>
#include <string>

namespace hp::dev {

struct Difference {
    std::string where;                   // "state/winner.txt", "output 1 to alice", "end"
    std::optional<std::uint64_t> offset; // of the first byte that differs
    std::string json_path;               // "$.rows[7].id" where both are JSON
    std::uint64_t a_bytes = 0, b_bytes = 0;
    std::string a, b; // what is there, around the place; "missing" is said as such
};

struct RunView {
    const RunOutcome& run;
    const RunOrder& order;
    const std::filesystem::path& seed;
};

std::optional<Difference> find_difference(const RunView& a, const RunView& b);

// Fills in everything but `where`.
Difference compare_contents(ByteView a, ByteView b);

// "$.rows[7].id": where two JSON texts first differ; empty when one of them is none.
std::string first_json_difference(ByteView a, ByteView b);

} // namespace hp::dev
