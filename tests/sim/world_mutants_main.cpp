// SPDX-License-Identifier: Apache-2.0
// hpsim_mutants: breaks one rule, one sync or one assumption at a time and sees how many seeds the
// simulator needs to notice, or whether the unit tests do. Exit 1 if nobody notices.
#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iomanip>
#include <iostream>

#include <CLI/CLI.hpp>

#include "agreement/guard_names.hpp"
#include "hp/crypto/keys.hpp"
#include "run.hpp"

namespace {

using namespace hp;
using namespace hp::sim;
using consensus::Guard;

struct Mutant {
    std::string name;
    Sabotage sabotage;
    // Makes a drawn scenario one in which it matters. Empty: no simulation can show it, because the
    // rule refuses what cannot get that far; the unit tests do.
    std::function<void(Scenario&)> prepare;
};

// Four members, three make a quorum, one lies; a quiet network.
void tell(Scenario& scenario, Lie lie) {
    Options options;
    options.seed = scenario.options.seed;
    options.nodes = 4;
    options.threshold = 67;
    options.byzantine = 1;
    options.fault_ms = 20'000;
    options.calm_ms = 5'000;
    options.inputs_per_minute = 300;
    options.lies = Lies(lie);
    scenario.options = options;
    scenario.actions.clear();
}

std::function<void(Scenario&)> when_told(Lie lie) {
    return [lie](Scenario& scenario) { tell(scenario, lie); };
}

Mutant lifted(Guard guard, std::function<void(Scenario&)> prepare) {
    Mutant mutant{std::string(agree::name_of(guard)), {}, std::move(prepare)};
    mutant.sabotage.lifted.guards = {guard};
    return mutant;
}

// Drawn faults, but enough crashes.
void crash_often(Scenario& scenario) {
    const std::int64_t everybody = scenario.options.nodes + scenario.options.observers;
    for (std::int64_t ms = 500; ms < scenario.options.fault_ms; ms += 700) {
        Action action;
        action.at_ms = ms;
        action.verb = Verb::crash;
        action.from = {static_cast<std::size_t>(ms / 100 % everybody)};
        scenario.actions.push_back(action);
        action.at_ms += 100;
        action.verb = Verb::start;
        scenario.actions.push_back(action);
    }
    std::stable_sort(scenario.actions.begin(), scenario.actions.end(),
                     [](const Action& a, const Action& b) { return a.at_ms < b.at_ms; });
}

// Members of seven are away in turns, and a liar answers for what they missed.
void miss_ledgers(Scenario& scenario) {
    tell(scenario, Lie::ledgers);
    scenario.options.nodes = 7;
    for (std::int64_t ms = 2000; ms < scenario.options.fault_ms; ms += 3000) {
        Action action;
        action.at_ms = ms;
        action.verb = Verb::crash;
        action.from = {1 + static_cast<std::size_t>(ms / 1000 % 6)};
        scenario.actions.push_back(action);
        action.at_ms += 2500;
        action.verb = Verb::start;
        scenario.actions.push_back(action);
    }
}

void differ_often(Scenario& scenario) {
    tell(scenario, Lie::results);
    scenario.options.byzantine = 0;
    scenario.options.nodes = 7;
    scenario.options.threshold = 57; // so that few equal results are too few
    scenario.options.differs_percent = 60;
}

// Two liars of four, each talking to one correct member as one and to the other as another.
void split_by_liars(Scenario& scenario) {
    tell(scenario, Lie::sign_all);
    scenario.options.byzantine = 2;
    const std::int64_t seed = scenario.options.seed;
    const auto parsed = parse_scenario(to_text(scenario.options) + "at 0 hear 0a 1,2\n"
                                                                   "at 0 hear 0b 1,3\n"
                                                                   "at 0 hear 1a 0,2\n"
                                                                   "at 0 hear 1b 0,3\n"
                                                                   "at 3000 cut 2 3\n"
                                                                   "at 3000 cut 3 2\n");
    scenario.actions = parsed.value().actions;
    scenario.options.seed = seed;
}

std::vector<Mutant> block_mutants() {
    return {
        lifted(Guard::block_opens_quorum, when_told(Lie::block_few_opens)),
        lifted(Guard::block_opens_of_members, {}),
        lifted(Guard::block_opens_distinct, when_told(Lie::block_double_open)),
        lifted(Guard::block_opens_same_parent, {}),
        lifted(Guard::block_evidence_of_members, when_told(Lie::block_outsiders)),
        lifted(Guard::block_inputs_in_order, when_told(Lie::block_order)),
        lifted(Guard::block_inputs_in_time, when_told(Lie::block_early)),
        lifted(Guard::block_nonces_unused, when_told(Lie::block_replays)),
        lifted(Guard::block_within_limits,
               [](Scenario& scenario) {
                   tell(scenario, Lie::block_oversize);
                   scenario.options.user_input_bytes = 30;
               }),
        lifted(Guard::block_nothing_passed_over, when_told(Lie::block_omits)),
        lifted(Guard::block_users, when_told(Lie::block_users)),
        lifted(Guard::block_time, when_told(Lie::block_time)),
        lifted(Guard::block_nonce, when_told(Lie::block_nonce)),
        lifted(Guard::block_recent_inputs, when_told(Lie::block_recent)),
        lifted(Guard::block_continues_chain, when_told(Lie::block_parent)),
        lifted(Guard::block_digest_verified, when_told(Lie::bodies)),
        lifted(Guard::input_signature, when_told(Lie::block_unsigned)),
        lifted(Guard::certificate_quorum, miss_ledgers),
        lifted(Guard::certificate_of_members, miss_ledgers),
    };
}

std::vector<Mutant> result_mutants() {
    return {
        lifted(Guard::result_same_ledger, {}),
        lifted(Guard::result_evidence_distinct, when_told(Lie::block_evidence_double)),
        lifted(Guard::result_evidence_quorum, when_told(Lie::block_no_evidence)),
        lifted(Guard::result_certified_equal, when_told(Lie::block_certified)),
        lifted(Guard::result_certificate_first, when_told(Lie::block_plurality)),
        lifted(Guard::result_as_evidence_says,
               [](Scenario& scenario) {
                   tell(scenario, Lie::block_void);
                   scenario.options.lies.add(Lie::block_plurality);
                   scenario.options.differs_percent = 50;
               }),
        lifted(Guard::result_plurality_honest, differ_often),
        lifted(Guard::execute_agreed_state, differ_often),
    };
}

// One of four votes in the name of the others, and for the next height, under its own signature.
void forge_signatures(Scenario& scenario) {
    tell(scenario, Lie::impersonate);
    scenario.options.lies.add(Lie::sign_ahead);
    scenario.options.real_signatures = true;
}

std::vector<Mutant> other_mutants() {
    std::vector<Mutant> mutants{lifted(Guard::votes_after_log, crash_often),
                                {"the log is not synced", {}, crash_often},
                                {"ledgers are not synced", {}, crash_often},
                                {"a restart forgets the log", {}, crash_often},
                                {"2q-n faulty members", {}, split_by_liars},
                                {"signatures are not checked", {}, forge_signatures}};
    mutants[1].sabotage.log_not_synced = true;
    mutants[2].sabotage.ledger_not_synced = true;
    mutants[3].sabotage.log_forgotten = true;
    mutants[5].sabotage.signatures_unchecked = true;
    return mutants;
}

struct Attempted {
    bool caught = false;
    std::string how = "-";
    std::uint64_t seeds = 0;
};

Attempted try_seeds(const Mutant& mutant, std::uint64_t seeds_max) {
    Attempted out;
    while (mutant.prepare && !out.caught && out.seeds < seeds_max) {
        Scenario scenario = draw_scenario(++out.seeds, 0);
        mutant.prepare(scenario);
        const Outcome outcome = run(scenario, mutant.sabotage, nullptr);
        out.caught = !outcome.violation.empty();
        out.how = out.caught ? outcome.kind() : "NOT CAUGHT";
    }
    return out;
}

// The same seeds with nothing broken: else it is not the mutant that was caught.
bool is_sound(const Mutant& mutant, std::uint64_t seeds) {
    for (std::uint64_t seed = 1; mutant.prepare && seed <= seeds; ++seed) {
        Scenario scenario = draw_scenario(seed, 0);
        mutant.prepare(scenario);
        const bool too_many = scenario.options.byzantine == 2 && scenario.options.nodes == 4;
        if (!too_many && !run(scenario, {}, nullptr).violation.empty()) {
            return false;
        }
    }
    return true;
}

// The name is one of ours and the path our caller's, so the shell sees nothing unexpected.
bool fails_unit_tests(const std::string& name, const std::string& program) {
    const std::string command = "HP_LIFT_GUARD=" + name + " '" + program + "' >/dev/null 2>&1";
    return std::system(command.c_str()) != 0;
}

bool try_mutant(const Mutant& mutant, std::uint64_t seeds_max, const std::string& unit) {
    const Attempted simulated = try_seeds(mutant, seeds_max);
    const bool sound = is_sound(mutant, std::min<std::uint64_t>(simulated.seeds, 20));
    const bool guard = !mutant.sabotage.lifted.guards.empty();
    const bool tested = guard && !unit.empty() && fails_unit_tests(mutant.name, unit);
    std::cout << std::left << std::setw(32) << mutant.name << std::setw(16) << simulated.how
              << std::setw(8) << (simulated.seeds == 0 ? "-" : std::to_string(simulated.seeds))
              << (tested ? "unit tests" : "-") << (sound ? "" : "  BROKEN WITHOUT IT") << std::endl;
    return sound && (simulated.caught || (!mutant.prepare && (tested || unit.empty())));
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("Breaks the engine's rules one at a time and shows who notices.");
    std::string unit;
    std::uint64_t seeds_max = 3000;
    app.add_option("--unit", unit, "the unit tests built with HP_LIFT_GUARDS");
    app.add_option("--seeds-max", seeds_max, "for each mutant")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    crypto::init();

    bool good = true;
    if (!unit.empty() && fails_unit_tests("", unit)) {
        std::cout << "the unit tests fail with nothing lifted\n";
        good = false;
    }
    std::cout << std::left << std::setw(32) << "broken" << std::setw(16) << "caught by"
              << std::setw(8) << "seeds"
              << "and\n";
    for (const auto& mutants : {block_mutants(), result_mutants(), other_mutants()}) {
        for (const Mutant& mutant : mutants) {
            good = try_mutant(mutant, seeds_max, unit) && good;
        }
    }
    return good ? 0 : 1;
}
