// SPDX-License-Identifier: Apache-2.0
// Executes one RunSpec: builds the stdin document and descriptors, starts the process through the
// Launcher, moves data on all channels until the process ends or its time is over, and returns
// what it produced. A blocking function for a thread of its own; it shares nothing.
//
// All framing is incremental and bounded (contract-protocol.md 8.3, 8.4): headers may arrive a
// byte at a time, absurd lengths end that user's output only, limits act on message boundaries
// so that every node cuts at the same place, NPL delivery never blocks.
#pragma once

#include <functional>

#include "contract/launcher.hpp"
#include "contract/run.hpp"
#include "hp/base/log.hpp"

namespace hp::contract {

struct RunHandlers {
    // Called on the runner's thread, in order. Either may be empty.
    std::function<void(Bytes message)> on_npl;     // message sent by the contract
    std::function<void(Bytes message)> on_control; // one control packet, never empty
};

// Lets another thread stop a run (node shutdown). One StopSource per run; thread safe.
class StopSource {
public:
    static Result<StopSource> make();
    // Waits up to `timeout_ms`; true when a stop was requested.
    bool wait(int timeout_ms) const;
    void request_stop(); // the run ends with RunEnd::stopped
    int fd() const { return event_.get(); }

private:
    explicit StopSource(os::Fd event) : event_(std::move(event)) {}
    os::Fd event_;
};

RunResult run_contract(Launcher& launcher, const RunSpec& spec, const RunHandlers& handlers,
                       const StopSource& stop, const Log& log);

} // namespace hp::contract
