// SPDX-License-Identifier: Apache-2.0
// Executes one RunSpec: starts the process with its document and channels, moves data on all of
// them until the process ends or its time is over, executes post_exec.sh, and returns what came of
// it. A blocking function for a thread of its own; it shares nothing.
//
// All framing is incremental and bounded (contract-protocol.md 8.3, 8.4): headers may arrive a
// byte at a time, absurd lengths end that user's output only, limits act on message boundaries
// so that every node cuts at the same place, NPL delivery never blocks.
#pragma once

#include <optional>

#include "contract/contract_start.hpp"
#include "contract/launcher.hpp"
#include "contract/run.hpp"
#include "contract/run_handlers.hpp"
#include "contract/stop_source.hpp"
#include "hp/base/log.hpp"

namespace hp::contract {

// `contract`: the process, when it was started ahead and has been given the document of `spec`.
RunResult run_contract(Launcher& launcher, const RunSpec& spec, const RunHandlers& handlers,
                       const StopSource& stop, const Log& log,
                       std::optional<StartedContract> contract = std::nullopt);

} // namespace hp::contract
