// SPDX-License-Identifier: Apache-2.0
//
// A random number that no single node chooses. On the input "roll" every node contributes random
// bits over NPL; the number made of all contributions is voted on and kept in number.txt. "show",
// or any read request, answers the last number.
//
// Threads: main thread only.
#pragma once

#include <hp/contract/contract.hpp>

namespace dice {

void on_run(hp::contract::Context& context);

} // namespace dice
