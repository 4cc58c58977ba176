// SPDX-License-Identifier: Apache-2.0
// How the contract replaces itself:
//
//   1. An owner uploads a bundle. Its key signed the input, which is the bundle's signature.
//   2. More than half of the owners approve. stage_bundle() of the SDK prepares the new files.
//   3. When this program has ended, they take the place of those of the bundle before, and the new
//      program is asked for its health. If that fails, the old files come back.
//   4. The next run, of whichever program, tells the uploader and sets the contract's version.
//
// The state is one JSON document:
// {"owners":[KEY...],"proposal":{...},"running":{...},"last":{...}}.
#pragma once

#include <hp/contract/state.hpp>

namespace upgrade {

inline constexpr std::size_t owners_max = 3;

/// Tells how the last upgrade went (step 4). At the start of each run.
void report(hp::contract::Context& c, hp::contract::Value& state, hp::contract::Answers& answers);

/// Carries out one request (README.md has the list), changes `state` and returns the answer.
[[nodiscard]] hp::contract::Value handle(const hp::contract::Context& c, hp::contract::Value& state,
                                         const hp::contract::User& user,
                                         const hp::contract::Input& input);

/// Whether this program can work with the state it finds. Asked before it takes over.
[[nodiscard]] bool is_healthy();

} // namespace upgrade
