// SPDX-License-Identifier: Apache-2.0
//
// The SDK's own testing library under the names that tests of contracts use, and the values that a
// specification has by default. For the tests of the SDK and of the C library.
//
// Threads: one.
#pragma once

#include <hp/contract/testing.hpp>

#include <string>

#include <catch2/catch.hpp>

namespace hp::test {

using contract::testing::make_key;
using contract::testing::run_process;
using contract::testing::RunOutcome;
using contract::testing::RunSpec;
using contract::testing::split_messages;
using contract::testing::StateDir;
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

} // namespace hp::test
