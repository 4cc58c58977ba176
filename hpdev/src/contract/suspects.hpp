// SPDX-License-Identifier: Apache-2.0
// Where a contract may get something from that is not the same on every node: calls in its
// programs and its sources that are known for it, and calls it was seen to make. A suspicion, not a
// proof: much of it has no influence on any result. Blocking.
#pragma once

#include "contract/conditions.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace hp::dev {

struct Suspect {
    Factor factor = Factor::other;
    std::string what;  // "time()", "Math.random"
    std::string where; // "src/lottery.js:41"; empty: unknown
    auto operator<=>(const Suspect&) const = default;
};

// In the programs and scripts of `directory` and in sources below `project` (which may be empty).
std::vector<Suspect> look_for_suspects(const std::filesystem::path& directory,
                                       const std::filesystem::path& project);

// Those of the traced calls that have to do with `factor`, with their callers in the contract's own
// code where these are known: not in an interpreter. Runs were made with the files of `directory`.
std::vector<Suspect> suspects_among(const std::vector<TracedCall>& calls, Factor factor,
                                    const std::filesystem::path& directory);

} // namespace hp::dev
