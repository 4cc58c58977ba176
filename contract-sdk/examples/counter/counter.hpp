// SPDX-License-Identifier: Apache-2.0
//
// Counts the inputs of all users in the state file count.txt. Every input is answered with its
// number, {"count":7}; a read request is answered with the number of inputs so far.
//
// Threads: main thread only.
#pragma once

#include <hp/contract/contract.hpp>

namespace counter {

void on_run(hp::contract::Context& context);

} // namespace counter
