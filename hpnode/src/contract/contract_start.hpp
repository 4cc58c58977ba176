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
    os::Fd written;  // of a tracked run
    std::uint64_t input_bytes = 0;
    // Set when the process is older than its run: when it got its document, on the monotonic clock.
    std::optional<std::int64_t> delivered_us = {};
};

// What the process is, without its descriptors.
SpawnRequest make_request(const RunSpec& spec);

// Where a tracked run's view reports to; nothing for others. Keep it as long as the process.
Result<os::Fd> make_report_file(SpawnRequest& request);
std::optional<tracked::Written> read_report_file(const os::Fd& written);

// Everything is in place before the process starts: document and inputs cannot change.
Result<StartedContract> start_contract(Launcher& launcher, const RunSpec& spec, Notes& notes);

// The process with these descriptors, which are borrowed, and output channels for `users`.
struct StartWith {
    int stdin_fd = -1;
    int inputs_fd = -1;
    std::size_t users = 0;
    bool hold = false; // until Process::release()
};
Result<StartedContract> start_process(Launcher& launcher, const RunSpec& spec,
                                      const StartWith& with, Notes& notes);

} // namespace hp::contract
