// SPDX-License-Identifier: Apache-2.0
// hpagree: random adversarial runs over clusters of many sizes. Exit 1 if one fails; the line says
// how to see it again.
#include <chrono>
#include <iostream>

#include <CLI/CLI.hpp>

#include "model.hpp"

namespace {

using namespace hp::agree;

// Members, quorum, faulty members: up to 2q-n-1 of the last may not fork a cluster.
const std::vector<Cluster> clusters{
    {1, 1, 0, {}}, {2, 2, 0, {}}, {3, 2, 0, {}}, {3, 3, 0, {}},  {4, 3, 1, {}},  {4, 4, 2, {}},
    {5, 4, 1, {}}, {5, 4, 2, {}}, {7, 5, 2, {}}, {10, 8, 2, {}}, {10, 8, 5, {}}, {20, 16, 11, {}}};

bool try_cluster(const Cluster& cluster, std::uint64_t first_seed, std::uint64_t runs,
                 Marks& reached) {
    const auto start = std::chrono::steady_clock::now();
    std::array<std::uint64_t, outcomes> counts{};
    std::optional<std::uint64_t> failed;
    for (std::uint64_t seed = first_seed; seed < first_seed + runs; ++seed) {
        const Outcome outcome = run(cluster, seed, reached, nullptr);
        ++counts[static_cast<std::size_t>(outcome)];
        if (is_failure(outcome) && !failed) {
            failed = seed;
        }
    }
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    std::cout << "members " << cluster.members << ", quorum " << cluster.quorum << ", faulty "
              << cluster.byzantine << ':';
    for (std::size_t i = 0; i < outcomes; ++i) {
        if (counts[i] != 0) {
            std::cout << ' ' << to_string(static_cast<Outcome>(i)) << ' ' << counts[i];
        }
    }
    std::cout << "; " << static_cast<std::uint64_t>(static_cast<double>(runs) / time.count())
              << " runs/s\n";
    if (failed) {
        std::cout << "FAILED, see: hpagree --members " << cluster.members << " --quorum "
                  << cluster.quorum << " --faulty " << cluster.byzantine << " --seed " << *failed
                  << " --trace\n";
    }
    return !failed;
}

// Runs that never come near a situation say nothing about it.
bool tell_marks(const Marks& reached) {
    bool all = true;
    for (std::size_t i = 0; i < marks; ++i) {
        std::cout << "reached: " << to_string(static_cast<Mark>(i)) << ' ' << reached[i] << '\n';
        all = all && reached[i] != 0;
    }
    if (!all) {
        std::cout << "FAILED: a situation was never reached\n";
    }
    return all;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("Tries to make members agreeing on one ledger disagree, or stop.");
    Cluster own{0, 0, 0, {}};
    std::uint64_t runs = 2000;
    std::uint64_t seed = 0;
    bool trace = false;
    CLI::Option* members = app.add_option("--members", own.members, "one cluster of your own");
    app.add_option("--quorum", own.quorum, "votes of a certificate")->needs(members);
    app.add_option("--faulty", own.byzantine, "members that sign everything")->needs(members);
    app.add_option("--runs", runs, "runs for each cluster")->capture_default_str();
    app.add_option("--seed", seed, "the first seed")->capture_default_str();
    app.add_flag("--trace", trace, "one run, a line for each event")->needs(members);
    CLI11_PARSE(app, argc, argv);

    Marks reached{};
    if (trace) {
        const Outcome outcome = run(own, seed, reached, &std::cout);
        std::cout << to_string(outcome) << '\n';
        return is_failure(outcome) ? 1 : 0;
    }
    if (own.members != 0) {
        return try_cluster(own, seed, runs, reached) ? 0 : 1;
    }
    bool good = true;
    for (const Cluster& cluster : clusters) {
        good = try_cluster(cluster, seed, runs, reached) && good;
    }
    good = tell_marks(reached) && good;
    return good ? 0 : 1;
}
