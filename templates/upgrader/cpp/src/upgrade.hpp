// SPDX-License-Identifier: Apache-2.0
// How the contract replaces itself:
//
//   1. An owner uploads a bundle. Its key signed the input, which is the bundle's signature.
//   2. More than half of the owners approve. The files are unpacked into next/, what they replace
//      is copied to ../previous (outside the state: it need not be agreed on), and post_exec.sh
//      is left behind.
//   3. When this program has ended, post_exec.sh puts the new files into place and asks the new
//      program for its health. If that fails it puts the old ones back.
//   4. The next run, of whichever program, tells the uploader and sets the contract's version.
#pragma once

#include <hp/contract/contract.hpp>
#include <hp/contract/value.hpp>

namespace upgrade {

inline constexpr std::size_t owners_max = 3;

/// Carries out one request (README.md has the list) and returns the answer.
[[nodiscard]] hp::contract::Value handle(const hp::contract::Context& c,
                                         const hp::contract::User& user,
                                         const hp::contract::Input& input);

/// Step 4, at the start of each run.
void report(hp::contract::Context& c);

/// Whether this program can work with the state it finds. Asked before it takes over.
[[nodiscard]] bool is_healthy();

} // namespace upgrade
