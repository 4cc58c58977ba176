// SPDX-License-Identifier: Apache-2.0
//
// The state between two runs: one small file per value in the working directory, which a node keeps
// identical on the whole cluster. Problems throw, because a contract that cannot keep its state
// must not answer as if it could.
#pragma once

#include "tally.hpp"

namespace tally {

/// Zero and empty before the first change.
[[nodiscard]] State load();

/// Writes the files whose value differs. Each file is replaced in one step, so a contract that is
/// killed in the middle leaves the old value or the new one, never a mixture.
void save(const State& before, const State& after);

} // namespace tally
