// SPDX-License-Identifier: Apache-2.0
//
// A contract that replaces itself. Its owner, whose public key is in owner.txt of the first state,
// sends BSON: {op: "upgrade", version: "2.0", program: <binary>}. The next ledger agrees on the new
// version, and from it on the new program runs. {op: "version"} answers the version in force.
//
// Threads: main thread only.
#pragma once

#include <hp/contract/contract.hpp>

namespace upgrade {

void on_run(hp::contract::Context& context);

} // namespace upgrade
