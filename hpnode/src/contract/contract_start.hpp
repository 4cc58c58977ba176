// SPDX-License-Identifier: Apache-2.0
// Starting the contract for a run: descriptors in their documented order, the document on stdin,
// the process. Any thread.
#pragma once

#include "contract/launcher.hpp"
#include "contract/log_capture.hpp"
#include "contract/run.hpp"
#include "contract/run_channels.hpp"

namespace hp::contract {

// The process and the node's side of everything that connects it.
struct StartedContract {
    Process process;
    ChannelEnds channels;
    LogStreams logs; // not attached yet
    std::uint64_t input_bytes = 0;
};

// What the process is, without its descriptors.
SpawnRequest make_request(const RunSpec& spec);

Result<StartedContract> start_contract(Launcher& launcher, const RunSpec& spec, Notes& notes);

} // namespace hp::contract
