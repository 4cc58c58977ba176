// SPDX-License-Identifier: Apache-2.0
// Runs test cases: each in a directory of its own, several at a time, each case as often as it has
// replicas. Blocking; makes its own threads.
#pragma once

#include "contract/replicas.hpp"
#include "contract/test_case.hpp"
#include "contract/test_verdict.hpp"

namespace hp::dev {

struct CaseResult {
    const TestCase* test = nullptr;
    std::vector<std::pair<std::size_t, Mismatch>> mismatches; // with the round, from 1
    std::optional<Divergence> divergence;                     // its run is a number of all_runs()
    std::optional<Error> error;                               // this machine could not run it
    std::int64_t elapsed_ms = 0;

    bool passed() const { return mismatches.empty() && !divergence && !error; }
};

struct TestOptions {
    std::size_t replicas = 1;
    bool update_golden = false;
    std::size_t jobs = 1;
};

std::vector<CaseResult> run_test_cases(ContractRunner& runner, const ContractSource& source,
                                       const std::vector<TestCase>& tests,
                                       const TestOptions& options,
                                       const std::filesystem::path& root);

// In which round of the case a run is, from 1.
std::size_t round_of_run(const TestCase& test, std::size_t run);

} // namespace hp::dev
