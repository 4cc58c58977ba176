// SPDX-License-Identifier: Apache-2.0
// What a test of the tests breaks on purpose. Values.
#pragma once

#include "consensus/guards.hpp"

namespace hp::sim {

struct Sabotage {
    consensus::LiftedGuards lifted;    // rules that no correct node follows
    bool log_not_synced = false;       // AppendLog is reported done before it is durable
    bool ledger_not_synced = false;    // Persist likewise
    bool log_forgotten = false;        // a restart begins with an empty log and does not know
    bool signatures_unchecked = false; // of messages
};

} // namespace hp::sim
