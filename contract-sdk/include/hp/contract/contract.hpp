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

using Handler = std::function<void(Context&)>;

/// Reads the node's document from standard input (to its end, any size), opens the channels, calls
/// `handler` once and tells the node that the contract is done. Returns exit_bad_start,
/// exit_handler_failed, or what Context::set_exit_code() was given; return it from main(). Refuses
/// to run on a terminal. The channel descriptors are closed on exec and when run() returns. Call it
/// once per process: the document cannot be read twice, so a second call returns exit_bad_start.
[[nodiscard]] int run(const Handler& handler);

} // namespace hp::contract
