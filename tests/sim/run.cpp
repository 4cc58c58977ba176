// SPDX-License-Identifier: Apache-2.0
#include "run.hpp"

#include "world.hpp"

namespace hp::sim {

Outcome run(const Scenario& scenario, const Sabotage& sabotage, Trace* trace) {
    World world(scenario, sabotage, trace);
    world.run();
    return {world.checker().violation(), world.now_ms(),     world.recovery_ms(), world.steps(),
            world.checker().height(),    world.fingerprint()};
}

std::vector<std::string> node_names(const Options& options) {
    Scenario scenario;
    scenario.options = options;
    return World(scenario, {}, nullptr).node_names();
}

} // namespace hp::sim
