// SPDX-License-Identifier: Apache-2.0
// hpsim: runs simulated clusters, one after another, from seeds or scenario files. Exit 0: all as
// expected, 1: not, 2: the command line or a file is wrong.
#include <ctime>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>

#include "hp/crypto/keys.hpp"
#include "shrink.hpp"

namespace {

using namespace hp;

// Who watches a long campaign, or finds it aborted by a broken HP_CHECK, sees how far it has come.
constexpr std::uint64_t seeds_between_reports = 1000;

struct Arguments {
    std::uint64_t seed = 1;
    std::uint64_t count = 1;
    std::int64_t nodes = 0;
    std::vector<std::string> files;
    bool trace = false;
    bool diagram = false;
    bool shrink = false;
    bool print = false;
    std::size_t shrink_runs = 2000;
    std::int64_t from_ms = -1;
    std::int64_t to_ms = -1;
};

struct Totals {
    std::uint64_t runs = 0;
    std::uint64_t failed = 0;
    std::uint64_t steps = 0;
    std::uint64_t ledgers = 0;
    double slowest_recovery = 0; // in roundtimes
    std::int64_t slowest_seed = 0;
    std::uint64_t made_up = 0; // runs whose signatures are
    double made_up_s = 0;      // of the processor, as all below
    double all_s = 0;
};

double processor_s() {
    return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

// What led to the end, unless the command line says what to show.
sim::Window window_of(const Arguments& arguments, const sim::Scenario& scenario,
                      bool whole_by_default) {
    sim::Window window;
    if (arguments.from_ms >= 0) {
        window.from_us = arguments.from_ms * 1000;
    } else if (!whole_by_default) {
        const sim::Outcome outcome = sim::run(scenario, {}, nullptr);
        window.from_us = (outcome.ended_ms - 2 * scenario.options.roundtime_ms) * 1000;
    }
    if (arguments.to_ms >= 0) {
        window.to_us = arguments.to_ms * 1000;
    }
    return window;
}

sim::Outcome run_shown(const Arguments& arguments, const sim::Scenario& scenario) {
    if (arguments.diagram) {
        sim::DiagramTrace diagram(window_of(arguments, scenario, false),
                                  sim::node_names(scenario.options));
        const sim::Outcome outcome = sim::run(scenario, {}, &diagram);
        diagram.print();
        return outcome;
    }
    if (arguments.trace) {
        sim::TextTrace text(window_of(arguments, scenario, true));
        return sim::run(scenario, {}, &text);
    }
    return sim::run(scenario, {}, nullptr);
}

// A failing run says how to see what happened.
void run_one(const Arguments& arguments, const sim::Scenario& scenario, const std::string& name,
             const std::string& again, Totals& totals) {
    if (arguments.print) {
        std::cout << sim::to_text(scenario);
    }
    const double start_s = processor_s();
    const sim::Outcome outcome = run_shown(arguments, scenario);
    const double took_s = processor_s() - start_s;
    ++totals.runs;
    totals.all_s += took_s;
    if (!scenario.options.real_signatures) {
        ++totals.made_up;
        totals.made_up_s += took_s;
    }
    totals.steps += outcome.steps;
    totals.ledgers += outcome.ledgers;
    const double recovery = static_cast<double>(outcome.recovery_ms) /
                            static_cast<double>(scenario.options.roundtime_ms);
    if (recovery > totals.slowest_recovery) {
        totals.slowest_recovery = recovery;
        totals.slowest_seed = scenario.options.seed;
    }
    if (outcome.is_as_expected(scenario)) {
        return;
    }
    ++totals.failed;
    std::cout << name << ": "
              << (outcome.violation.empty() ? "no violation of " + scenario.violation
                                            : outcome.violation)
              << " (after " << outcome.ended_ms << " ms)\n  again: hpsim " << again << " --trace"
              << std::endl;
    if (arguments.shrink && !outcome.violation.empty()) {
        const sim::Shrunk shrunk = sim::shrink(scenario, {}, arguments.shrink_runs);
        std::cout << "# shrunk in " << shrunk.runs << " runs\n" << sim::to_text(shrunk.scenario);
    }
}

bool run_file(const Arguments& arguments, const std::string& path, Totals& totals) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file) {
        std::cerr << path << ": cannot read it\n";
        return false;
    }
    auto scenario = sim::parse_scenario(text.str());
    if (!scenario) {
        std::cerr << path << ": " << scenario.error().context << "\n";
        return false;
    }
    const std::int64_t count = scenario->seeds;
    for (std::int64_t i = 0; i < count; ++i) {
        scenario->seeds = 1;
        run_one(arguments, *scenario, path + " seed " + std::to_string(scenario->options.seed),
                "--scenario " + path, totals);
        ++scenario->options.seed;
    }
    return true;
}

std::uint64_t an_hour(std::uint64_t runs, double took_s) {
    return took_s > 0 ? static_cast<std::uint64_t>(static_cast<double>(runs) * 3600 / took_s) : 0;
}

void print(const Totals& totals) {
    std::cout << totals.runs - totals.failed << " as expected, " << totals.failed << " not; "
              << totals.steps << " steps, " << totals.ledgers
              << " ledgers; slowest to recover: seed " << totals.slowest_seed << " in "
              << totals.slowest_recovery
              << " roundtimes; an hour of a core: " << an_hour(totals.runs, totals.all_s)
              << " runs, " << an_hour(totals.made_up, totals.made_up_s)
              << " with made-up signatures\n";
}

} // namespace

int main(int argc, char** argv) {
    Arguments arguments;
    CLI::App app{"Simulated clusters under faults, checked after every step (docs/testing.md)."};
    app.add_option("--seed", arguments.seed, "first seed")->capture_default_str();
    app.add_option("--count", arguments.count, "number of seeds")->capture_default_str();
    app.add_option("--nodes", arguments.nodes, "members; 0: drawn from the seed")
        ->capture_default_str();
    app.add_option("--scenario", arguments.files, "files to run instead of seeds");
    app.add_flag("--trace", arguments.trace, "one line an event");
    app.add_flag("--diagram", arguments.diagram, "the last two roundtimes as a mermaid diagram");
    app.add_option("--from", arguments.from_ms, "show from this time on, ms");
    app.add_option("--to", arguments.to_ms, "show up to this time, ms");
    app.add_flag("--print", arguments.print, "the scenario of a seed");
    app.add_flag("--shrink", arguments.shrink, "make what fails as short as possible");
    app.add_option("--shrink-runs", arguments.shrink_runs, "at most")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    crypto::init();

    Totals totals;
    for (const std::string& path : arguments.files) {
        if (!run_file(arguments, path, totals)) {
            return 2;
        }
    }
    for (std::uint64_t i = 0; arguments.files.empty() && i < arguments.count; ++i) {
        const std::string seed = std::to_string(arguments.seed + i);
        const std::string nodes =
            arguments.nodes == 0 ? "" : " --nodes " + std::to_string(arguments.nodes);
        run_one(arguments, sim::draw_scenario(arguments.seed + i, arguments.nodes), "seed " + seed,
                "--seed " + seed + nodes, totals);
        if ((i + 1) % seeds_between_reports == 0) {
            std::cerr << "up to seed " << seed << ": " << totals.failed << " not as expected\n";
        }
    }
    print(totals);
    return totals.failed == 0 ? 0 : 1;
}
