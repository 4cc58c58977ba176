// SPDX-License-Identifier: Apache-2.0
#include "contract/test_run.hpp"

#include "clock.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

namespace hp::dev {
namespace {

ReplicaPlan plan_of(std::size_t replicas) {
    ReplicaPlan plan;
    plan.replicas.push_back(natural_conditions());
    for (std::size_t i = 1; i < replicas; ++i) {
        plan.replicas.push_back(everything_varied(i));
    }
    return plan;
}

// Gathers the runs of a round and looks at them when they are complete.
class Rounds {
public:
    Rounds(const TestCase& test, bool update, CaseResult& result)
        : test_(test), update_(update), result_(result) {}

    bool on_run(const RunOutcome& run, const std::filesystem::path& seed) {
        runs_.push_back(run);
        const TestRound& round = test_.rounds[round_];
        if (runs_.size() < round.runs.size()) {
            return true;
        }
        for (Mismatch& one : check_round(round, runs_, seed, update_)) {
            result_.mismatches.emplace_back(round_ + 1, std::move(one));
        }
        runs_.clear();
        ++round_;
        return result_.mismatches.empty(); // what follows would only be more of the same
    }

private:
    const TestCase& test_;
    bool update_;
    CaseResult& result_;
    std::size_t round_ = 0;
    std::vector<RunOutcome> runs_;
};

CaseResult run_case(ContractRunner& runner, const ContractSource& source, const TestCase& test,
                    const TestOptions& options, const std::filesystem::path& root) {
    const std::int64_t begun_ms = now_mono_ms();
    CaseResult out;
    out.test = &test;
    Rounds rounds(test, options.update_golden, out);
    auto result = run_replicas(
        runner, source, all_runs(test), plan_of(options.replicas), root,
        [&rounds](std::size_t, const RunOutcome& run, const std::filesystem::path& seed) {
            return rounds.on_run(run, seed);
        });
    if (result) {
        out.divergence = std::move(result->divergence);
    } else {
        out.error = result.err();
    }
    remove_tree(root);
    out.elapsed_ms = now_mono_ms() - begun_ms;
    return out;
}

} // namespace

std::vector<CaseResult> run_test_cases(ContractRunner& runner, const ContractSource& source,
                                       const std::vector<TestCase>& tests,
                                       const TestOptions& options,
                                       const std::filesystem::path& root) {
    std::vector<CaseResult> out(tests.size());
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
        for (std::size_t i = next++; i < tests.size(); i = next++) {
            out[i] = run_case(runner, source, tests[i], options, root / std::to_string(i));
        }
    };
    std::vector<std::thread> threads;
    for (std::size_t i = 1; i < std::min(options.jobs, tests.size()); ++i) {
        threads.emplace_back(work);
    }
    work();
    for (std::thread& thread : threads) {
        thread.join();
    }
    return out;
}

std::size_t round_of_run(const TestCase& test, std::size_t run) {
    for (std::size_t i = 0; i < test.rounds.size(); ++i) {
        if (run < test.rounds[i].runs.size()) {
            return i + 1;
        }
        run -= test.rounds[i].runs.size();
    }
    return test.rounds.size();
}

} // namespace hp::dev
