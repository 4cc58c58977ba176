// SPDX-License-Identifier: Apache-2.0
// One simulation from beginning to end, and what came of it. Pure; any thread.
#pragma once

#include "hp/base/ids.hpp"
#include "sabotage.hpp"
#include "scenario.hpp"
#include "trace.hpp"

namespace hp::sim {

struct Outcome {
    std::string violation; // "I1: ..."; empty: none
    std::int64_t ended_ms = 0;
    std::int64_t recovery_ms = 0; // World::recovery_ms()
    std::uint64_t steps = 0;
    LedgerSeq ledgers = 0;
    std::uint64_t fingerprint = 0;

    // The name of the broken invariant.
    std::string kind() const { return violation.substr(0, violation.find(':')); }
    // Whether it ended as the scenario expects.
    bool is_as_expected(const Scenario& scenario) const { return kind() == scenario.violation; }
};

// `trace` may be null.
Outcome run(const Scenario& scenario, const Sabotage& sabotage, Trace* trace);

// Names of the nodes, for a diagram.
std::vector<std::string> node_names(const Options& options);

} // namespace hp::sim
