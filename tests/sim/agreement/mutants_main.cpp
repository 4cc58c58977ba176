// SPDX-License-Identifier: Apache-2.0
// hpmutants: breaks one thing at a time and sees who notices: the exhaustive search, random runs,
// the unit tests. Exit 1 if somebody who should notice does not.
#include <cstdlib>
#include <iomanip>
#include <iostream>

#include <CLI/CLI.hpp>

#include "exhaustive_search.hpp"
#include "guard_names.hpp"
#include "model.hpp"

namespace {

using namespace hp::agree;

// What a mutant must be caught by. Guards that only avoid waste or refuse what cannot exist change
// nothing that a search could see: they are for the unit tests.
enum class Caught : std::uint8_t {
    search = 1, // exhaustive
    runs = 2,   // random
    unit = 4,
};
constexpr unsigned operator|(Caught a, Caught b) {
    return static_cast<unsigned>(a) | static_cast<unsigned>(b);
}
constexpr unsigned only(Caught a) {
    return static_cast<unsigned>(a);
}
constexpr bool is_in(Caught a, unsigned set) {
    return (static_cast<unsigned>(a) & set) != 0;
}

struct Mutant {
    std::string name;
    unsigned caught_by = 0;
    Cluster cluster;
    bool restarts = false; // the search watches liveness after restarts
};

Mutant guard_mutant(Guard guard, unsigned caught_by, bool restarts = false) {
    Mutant mutant{std::string(name_of(guard)), caught_by, {}, restarts};
    mutant.cluster.sabotage.lifted.guards = {guard};
    return mutant;
}

std::vector<Mutant> guard_mutants() {
    constexpr unsigned all = Caught::search | Caught::runs | only(Caught::unit);
    constexpr unsigned runs = Caught::runs | Caught::unit;
    constexpr unsigned unit = only(Caught::unit);
    return {
        guard_mutant(Guard::proposed_by_leader, runs),
        guard_mutant(Guard::proposal_justified, all),
        guard_mutant(Guard::justification_complete, all),
        guard_mutant(Guard::justification_same_digest, all),
        guard_mutant(Guard::justification_kind, all),
        guard_mutant(Guard::proposal_current, unit),
        guard_mutant(Guard::first_proposal_only, unit),
        guard_mutant(Guard::prepare_once, all),
        guard_mutant(Guard::prepare_not_after_skip, unit),
        guard_mutant(Guard::prepare_not_after_commit, unit),
        guard_mutant(Guard::propose_once, unit),
        guard_mutant(Guard::propose_same_after_restart, runs),
        guard_mutant(Guard::commit_not_behind, unit),
        guard_mutant(Guard::commit_not_after_skip, all),
        guard_mutant(Guard::commit_once, runs),
        guard_mutant(Guard::timer_current, unit),
        guard_mutant(Guard::skip_not_after_commit, all),
        guard_mutant(Guard::skip_once, runs),
        guard_mutant(Guard::skip_what_is_left, unit),
        guard_mutant(Guard::leave_after_timer, unit),
        guard_mutant(Guard::quorum_of_votes, runs),
        guard_mutant(Guard::vote_height, runs),
        guard_mutant(Guard::vote_counted_once, runs),
        guard_mutant(Guard::vote_in_window, unit),
        guard_mutant(Guard::certificate_height, all),
        guard_mutant(Guard::certificate_quorum, all),
        guard_mutant(Guard::certificate_of_members, all),
        guard_mutant(Guard::certificate_distinct, all),
        guard_mutant(Guard::certificate_digest, unit),
        guard_mutant(Guard::restored_prepared, all),
        guard_mutant(Guard::restored_committed, all),
        guard_mutant(Guard::restored_skipped, all),
        guard_mutant(Guard::restored_prepare_certificate, all, true),
        guard_mutant(Guard::restored_skip_certificates, unit),
    };
}

// What no single guard is about.
std::vector<Mutant> other_mutants() {
    constexpr unsigned searched = Caught::search | Caught::runs;
    std::vector<Mutant> mutants{
        {"2q-n faulty members", searched, {4, 3, 2, {}}},
        {"a quorum of half", searched, {4, 2, 0, {}}},
        {"volatile certificates", searched, {}, true},
        {"volatile skip certificates", searched, {}, true},
        {"a restart forgets the log", only(Caught::runs), {}},
        {"votes leave before their records are durable", only(Caught::runs), {}},
        {"a decision without its block drops records", only(Caught::runs), {}},
    };
    mutants[1].cluster.sabotage.lifted.guards = {Guard::quorum_is_majority};
    // Skip certificates are kept twice over: in the log, and as votes of everybody who left.
    mutants[2].cluster.sabotage.lifted.guards = {Guard::restored_prepare_certificate,
                                                 Guard::restored_skip_certificates,
                                                 Guard::skip_what_is_left};
    mutants[3].cluster.sabotage.lifted.guards = {Guard::restored_skip_certificates,
                                                 Guard::skip_what_is_left};
    mutants[4].cluster.sabotage.forget_log = true;
    mutants[5].cluster.sabotage.send_before_sync = true;
    mutants[6].cluster.sabotage.decision_replaces_log = true;
    return mutants;
}

std::string try_search(const Mutant& mutant, std::size_t states_max) {
    Scope scope;
    scope.members = mutant.cluster.members;
    scope.quorum = mutant.cluster.quorum;
    scope.byzantine = mutant.cluster.byzantine;
    scope.attempts = 2;
    scope.watch_logs = mutant.restarts;
    scope.lemmas = false;
    scope.lifted = mutant.cluster.sabotage.lifted;
    const SearchResult result = search(scope, states_max);
    if (result.violation.empty()) {
        return "";
    }
    const bool fork = result.violation.find("two ledgers") != std::string::npos;
    return (fork ? "fork after " : "stuck after ") + std::to_string(result.states) + " states";
}

std::string try_runs(const Mutant& mutant, std::uint64_t runs_max) {
    Marks unused{};
    for (std::uint64_t seed = 0; seed < runs_max; ++seed) {
        const Outcome outcome = run(mutant.cluster, seed, unused, nullptr);
        if (is_failure(outcome)) {
            return std::string(to_string(outcome)) + " after " + std::to_string(seed + 1);
        }
    }
    return "";
}

// The name is one of ours and the path our caller's, so the shell sees nothing unexpected.
bool fails_unit_tests(const std::string& name, const std::string& program) {
    const std::string command = "HP_LIFT_GUARD=" + name + " '" + program + "' >/dev/null 2>&1";
    return std::system(command.c_str()) != 0;
}

struct Options {
    std::string unit;
    std::size_t states_max = 30'000'000;
    std::uint64_t runs_max = 400'000;
};

bool try_mutant(const Mutant& mutant, const Options& options) {
    constexpr int name_width = 46;
    constexpr int column_width = 28;
    std::cout << std::left << std::setw(name_width) << mutant.name << std::flush;
    bool caught = true;
    const auto column = [&](Caught by, bool possible, auto attempt) {
        std::string text = "-";
        if (possible && is_in(by, mutant.caught_by)) {
            text = attempt();
            caught = caught && !text.empty();
            text = text.empty() ? "NOT CAUGHT" : text;
        }
        std::cout << std::setw(column_width) << text << std::flush;
    };
    column(Caught::search, true, [&] { return try_search(mutant, options.states_max); });
    column(Caught::runs, true, [&] { return try_runs(mutant, options.runs_max); });
    column(Caught::unit, !options.unit.empty(), [&] {
        return fails_unit_tests(mutant.name, options.unit) ? std::string("fail") : std::string();
    });
    std::cout << '\n';
    return caught;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("Breaks the rules of agreement one at a time and shows who notices.");
    Options options;
    app.add_option("--unit", options.unit, "the unit tests built with HP_LIFT_GUARDS");
    app.add_option("--states-max", options.states_max, "of a search")->capture_default_str();
    app.add_option("--runs-max", options.runs_max, "random runs")->capture_default_str();
    CLI11_PARSE(app, argc, argv);

    bool good = true;
    if (!options.unit.empty()) {
        const bool sound = !fails_unit_tests("", options.unit);
        std::cout << "unit tests with nothing lifted: " << (sound ? "pass" : "FAIL") << '\n';
        good = sound;
    }
    for (const auto& mutants : {guard_mutants(), other_mutants()}) {
        for (const Mutant& mutant : mutants) {
            good = try_mutant(mutant, options) && good;
        }
    }
    return good ? 0 : 1;
}
