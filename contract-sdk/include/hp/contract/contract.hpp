// SPDX-License-Identifier: Apache-2.0
//
// Entry point of a contract, and the one header a contract includes:
//
//     int main() {
//         return hp::contract::run([](hp::contract::Context& c) {
//             for (auto& user : c.users())
//                 for (const auto& input : user.inputs())
//                     user.send(input.bytes());
//         });
//     }
//
// Threads: call run() from the main thread, before others exist.
#pragma once

#include <hp/contract/bytes.hpp>
#include <hp/contract/context.hpp>
#include <hp/contract/control.hpp>
#include <hp/contract/key.hpp>
#include <hp/contract/npl.hpp>
#include <hp/contract/rng.hpp>
#include <hp/contract/unl.hpp>
#include <hp/contract/user.hpp>

#include <functional>

namespace hp::contract {

/// What run() returns, meant as the exit code. A node treats every exit code as success and keeps
/// outputs and files (contract protocol section 6.8); the code is for people and their logs.
inline constexpr int exit_ok = 0;
inline constexpr int exit_handler_failed = 1; ///< the handler threw; the message is on stderr
inline constexpr int exit_bad_start = 2;      ///< not started by a node; the reason is on stderr

using Handler = std::function<void(Context&)>;

/// Reads the node's document from standard input (to its end, any size), opens the channels, calls
/// `handler` once and tells the node that the contract is done. Refuses to run on a terminal. The
/// channel descriptors are closed on exec and when run() returns. Call it once per process: the
/// document cannot be read twice, so a second call returns exit_bad_start.
[[nodiscard]] int run(const Handler& handler);

} // namespace hp::contract
