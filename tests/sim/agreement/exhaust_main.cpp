// SPDX-License-Identifier: Apache-2.0
// hpexhaust: every order of events of small scopes. Exit 1 if one of them breaks a promise, with
// the way there.
#include <chrono>
#include <iostream>

#include <CLI/CLI.hpp>

#include "exhaustive_search.hpp"

namespace {

using namespace hp::agree;

Scope scope_of(std::size_t members, std::size_t quorum, std::size_t byzantine, Attempt attempts,
               bool restarts) {
    Scope scope;
    scope.members = members;
    scope.quorum = quorum;
    scope.byzantine = byzantine;
    scope.attempts = attempts;
    scope.watch_logs = restarts;
    return scope;
}

// Only honest() and needed() make a difference, so the first covers (3,2,0) and (5,4,2) as well. CI
// runs these: seconds, not minutes.
std::vector<Scope> usual_scopes() {
    return {scope_of(4, 3, 1, 2, true), scope_of(5, 4, 1, 2, false), scope_of(7, 5, 2, 2, false)};
}
std::vector<Scope> deep_scopes() {
    return {scope_of(4, 3, 1, 3, false), scope_of(5, 4, 1, 3, false), scope_of(10, 8, 4, 2, false),
            scope_of(5, 4, 1, 2, true)};
}

bool run(const Scope& scope, std::size_t states_max) {
    const auto start = std::chrono::steady_clock::now();
    std::cout << "members " << scope.members << ", quorum " << scope.quorum << ", faulty "
              << scope.byzantine << ", attempts " << scope.attempts << ", values " << scope.values
              << std::flush;
    const SearchResult result = search(scope, states_max);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    std::cout << ": one member has " << result.situations << " situations, " << result.local_states
              << " of them different; together " << result.states << " states, " << result.steps
              << " steps, depth " << result.depth;
    if (scope.watch_logs) {
        std::cout << "; a decision after a restart of all from " << result.completions;
    }
    std::cout << "; " << time.count() << " s\n";
    if (!result.violation.empty()) {
        std::cout << "VIOLATION: " << result.violation << '\n';
        for (const std::string& step : result.way) {
            std::cout << "  " << step << '\n';
        }
    } else if (!result.complete) {
        std::cout << "INCOMPLETE: more than " << states_max << " states\n";
    }
    return result.violation.empty() && result.complete;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("Searches everything that members agreeing on one ledger can go through.");
    std::size_t members = 0;
    std::size_t quorum = 0;
    std::size_t byzantine = 0;
    Attempt attempts = 3;
    std::size_t states_max = 400'000'000;
    bool restarts = false;
    bool deep = false;
    CLI::Option* own = app.add_option("--members", members, "a scope of your own");
    app.add_option("--quorum", quorum, "votes of a certificate")->needs(own);
    app.add_option("--faulty", byzantine, "members that sign everything")->needs(own);
    app.add_option("--attempts", attempts, "attempts")->needs(own)->capture_default_str();
    app.add_flag("--restarts", restarts, "also restart all in every state and expect a decision")
        ->needs(own);
    app.add_option("--states-max", states_max, "give up beyond")->capture_default_str();
    app.add_flag("--deep", deep, "the nightly scopes: minutes, and a few GiB of memory");
    CLI11_PARSE(app, argc, argv);

    std::vector<Scope> scopes = deep ? deep_scopes() : usual_scopes();
    if (members != 0) {
        scopes = {scope_of(members, quorum, byzantine, attempts, restarts)};
    }
    bool good = true;
    for (const Scope& scope : scopes) {
        good = run(scope, states_max) && good;
    }
    return good ? 0 : 1;
}
