// SPDX-License-Identifier: Apache-2.0
// A scenario file: a cluster, what its users do all the time, and a line of things that happen to
// it and must come of it (docs/hpdev.md, "Scenarios"). Read strictly, all mistakes at once. Values.
#pragma once

#include "chaos/fault.hpp"

#include <optional>

namespace hp::dev {

// "ledger 5", "+5 ledgers", "2s" (since the start), "+2s" (since the step before).
struct ScenarioTime {
    bool ledgers = false;
    bool relative = true;
    std::int64_t value = 0; // ledgers or milliseconds
};

struct ScenarioExpect {
    enum class Kind : std::uint8_t {
        synced,
        equal_states,
        closes,
        quiet,
        predicted,
        script,
        one_fate,
        node_state
    };
    Kind kind = Kind::synced;
    std::string nodes = "all";
    std::string word; // a script's path, a state
    ScenarioTime within{true, true, 10};
};

struct ScenarioStep {
    std::size_t line = 0;
    ScenarioTime at;
    std::string text;               // as the file has it
    std::vector<std::string> words; // what to do; or else
    std::optional<ScenarioExpect> expect;
    std::int64_t for_ms = 0; // how long a fault lasts; 0: until it is taken back
};

struct ScenarioLoad {
    std::string script, input; // one of them, or neither
    std::int64_t rate = 1;     // runs, or inputs, a second
    std::int64_t users = 1;    // of inputs
    bool empty() const { return script.empty() && input.empty(); }
};

struct Scenario {
    std::string name;
    std::int64_t nodes = 3, observers = 0;
    std::int64_t roundtime_ms = 0, threshold = 0; // 0: as the contract has it
    std::string contract = "build";               // or a bundle's folder
    ScenarioLoad load;
    std::vector<ScenarioStep> steps; // the expectations at the end are the last of them
};

// Files that it names are looked for in `root`.
Expected<Scenario> parse_scenario(std::string_view text, const std::string& file,
                                  const fs::path& root);
Expected<Scenario> load_scenario(const fs::path& file, const fs::path& root);

// The scenarios/*.toml of a project, sorted.
std::vector<fs::path> find_scenarios(const fs::path& root);

} // namespace hp::dev
