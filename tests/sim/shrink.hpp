// SPDX-License-Identifier: Apache-2.0
// Makes a failing scenario short: leaves out whatever it still fails without. Pure; any thread.
#pragma once

#include "run.hpp"

namespace hp::sim {

struct Shrunk {
    Scenario scenario; // expects the violation
    std::size_t runs = 0;
};

// Breaks the same invariant as `failing` does, or is `failing` itself.
Shrunk shrink(const Scenario& failing, const Sabotage& sabotage, std::size_t runs_max);

} // namespace hp::sim
