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

/// A run of sdk_child, which does what `mode` says.
inline RunSpec make_child_spec(std::string mode) {
    RunSpec spec;
    spec.program = HP_SDK_CHILD;
    spec.args = {std::move(mode)};
    return spec;
}

/// `text` with the first `from` in it replaced.
inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const std::size_t at = text.find(from);
    INFO("looking for " << from << " in " << text);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

} // namespace hp::test
