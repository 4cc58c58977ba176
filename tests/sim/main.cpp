// SPDX-License-Identifier: Apache-2.0
// hpsim: runs simulated clusters, one after another, each from its own seed.
#include <chrono>
#include <cstdio>
#include <iostream>

#include <CLI/CLI.hpp>

#include "world.hpp"

namespace {

using namespace hp;

// A failing seed says how to see what happened.
bool run_seed(std::uint64_t seed, std::size_t nodes, bool trace, std::uint64_t& steps,
              std::uint64_t& ledgers) {
    const sim::Options options = sim::draw_options(seed, nodes);
    sim::World::Trace print;
    if (trace) {
        std::cout << "# " << options.describe() << "\n";
        print = [](std::int64_t now_us, std::size_t node, const std::string& what) {
            std::printf("%10.3f ms  node %zu  %s\n", static_cast<double>(now_us) / 1000, node,
                        what.c_str());
        };
    }
    sim::World world(options, print);
    world.run();
    steps += world.steps();
    ledgers += world.checker().height();
    if (!world.checker().ok()) {
        std::cout << "seed " << seed << ": " << world.checker().violation() << "\n  "
                  << options.describe() << "\n  replay: hpsim --seed " << seed;
        if (nodes != 0) {
            std::cout << " --nodes " << nodes;
        }
        std::cout << " --trace\n";
    }
    if (trace) {
        std::cout << "fingerprint " << std::hex << world.fingerprint() << std::dec << "\n";
    }
    return world.checker().ok();
}

} // namespace

int main(int argc, char** argv) {
    std::uint64_t seed = 1;
    std::uint64_t count = 1;
    std::size_t nodes = 0;
    bool trace = false;
    CLI::App app{"Simulated clusters under faults, checked after every step."};
    app.add_option("--seed", seed, "first seed")->capture_default_str();
    app.add_option("--count", count, "number of seeds")->capture_default_str();
    app.add_option("--nodes", nodes, "members; 0: drawn from the seed")->capture_default_str();
    app.add_flag("--trace", trace, "one line an event");
    CLI11_PARSE(app, argc, argv);

    const auto start = std::chrono::steady_clock::now();
    std::uint64_t failed = 0;
    std::uint64_t steps = 0;
    std::uint64_t ledgers = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
        failed += run_seed(seed + i, nodes, trace, steps, ledgers) ? 0 : 1;
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    std::cout << count - failed << " passed, " << failed << " failed; " << steps << " steps, "
              << ledgers << " ledgers, "
              << static_cast<std::uint64_t>(static_cast<double>(count) * 3600 / took.count())
              << " seeds an hour\n";
    return failed == 0 ? 0 : 1;
}
