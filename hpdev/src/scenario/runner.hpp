// SPDX-License-Identifier: Apache-2.0
// Runs a scenario on a running cluster, step by step, while its load goes on. The first expectation
// that is not met ends it. What faults it has begun it ends, too. Blocking; one thread.
#pragma once

#include "chaos/observe.hpp"
#include "scenario/load.hpp"

#include <functional>

namespace hp::dev {

// What became of a step.
struct StepReport {
    std::size_t line = 0;
    std::int64_t at_ms = 0; // since the start
    LedgerSeq ledger = 0;
    std::string what, said;
    bool passed = true;
};

struct ScenarioReport {
    std::vector<StepReport> steps;
    LoadCount load;
    std::int64_t elapsed_ms = 0;
    bool interrupted = false;
    // Null when all is as expected.
    const StepReport* failed() const {
        return steps.empty() || steps.back().passed ? nullptr : &steps.back();
    }
};

struct ScenarioPlaces {
    fs::path cluster; // the folder of cluster.json
    fs::path root;    // where the scenario's scripts are
    fs::path scratch;
};

// `on_step` hears of each as it ends; `stop` ends the run early.
Expected<ScenarioReport> run_scenario(const Scenario& scenario, const ScenarioPlaces& places,
                                      const std::function<void(const StepReport&)>& on_step,
                                      const std::function<bool()>& stop);

} // namespace hp::dev
