// SPDX-License-Identifier: Apache-2.0
//
// The SDK's own testing library under the names its tests use, and the values a specification has
// by default.
//
// Threads: one.
#pragma once

#include <hp/contract/testing.hpp>

#include <string>

#include <catch2/catch.hpp>

namespace hp::test {

using contract::testing::make_key;
using contract::testing::run_handler;
using contract::testing::run_process;
using contract::testing::RunOutcome;
using contract::testing::RunSpec;
using contract::testing::split_messages;
using contract::testing::StateDir;
using contract::testing::TestNode;
using contract::testing::TestUser;

inline std::string node_key() {
    return RunSpec().node_key;
}

inline std::string node_private_key() {
    return RunSpec().node_private_key;
}

inline std::string lcl_hash() {
    return RunSpec().lcl_hash;
}

/// Runs `handler` in this process; whatever it throws is a failure of the test.
inline void run_checked(const contract::Handler& handler, const RunSpec& spec) {
    const RunOutcome run = run_handler(handler, spec);
    CHECK(run.failure.empty());
    CHECK_FALSE(run.timed_out);
}

} // namespace hp::test
