// SPDX-License-Identifier: Apache-2.0
// Whether a round has done what its case wants. Blocking: reads the files of the state.
#pragma once

#include "contract/test_case.hpp"

namespace hp::dev {

struct Mismatch {
    std::size_t line = 0; // of the case's file
    std::string what;     // "output 1 to alice"
    std::string want, got;
    std::string at; // where in a JSON value: "$.total"
};

// With `update` golden files that do not fit are written anew instead.
std::vector<Mismatch> check_round(const TestRound& round, const std::vector<RunOutcome>& runs,
                                  const std::filesystem::path& seed, bool update);

} // namespace hp::dev
