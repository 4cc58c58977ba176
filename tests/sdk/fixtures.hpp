// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the SDK have beside contract_tests.hpp: runs of handlers in this process.
//
// Threads: one.
#pragma once

#include "contract_tests.hpp"

namespace hp::test {

using contract::testing::run_handler;
using contract::testing::TestNode;

/// Runs `handler` in this process; whatever it throws is a failure of the test.
inline void run_checked(const contract::Handler& handler, const RunSpec& spec) {
    const RunOutcome run = run_handler(handler, spec);
    CHECK(run.failure.empty());
    CHECK_FALSE(run.timed_out);
}

} // namespace hp::test
