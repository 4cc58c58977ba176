// SPDX-License-Identifier: Apache-2.0
// Waiting for the end of a contract process and of everything it has started, while data moves on
// its channels and its time is limited. A blocking function for a thread of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "contract/launcher.hpp"
#include "contract/run.hpp"
#include "contract/stop_source.hpp"

namespace hp::contract {

// Something to be looked at when its descriptor is readable. `on_ready` may close the descriptor.
struct EventSource {
    int fd = -1;
    std::function<void()> on_ready;
};

struct ProcessEnd {
    RunEnd end = RunEnd::failed;
    int code = 0; // as in RunResult
    std::int64_t cpu_us = 0;
    std::int64_t max_rss_kib = 0;
    std::string note; // why it did not run, or what else is odd; mostly empty
};

struct WaitOptions {
    std::uint64_t timeout_ms = 0; // from now until SIGTERM, SIGKILL follows; 0: none
    std::string program;          // for the note
};

// When it returns, nothing of the process's tree is alive any more.
ProcessEnd wait_for_end(Process& process, const Launcher& launcher, const StopSource& stop,
                        const WaitOptions& options, std::span<const EventSource> sources);

// For a process whose end is of no interest any more. Nothing of its tree is alive afterwards.
void kill_and_wait(Process& process);

// The end of a process that could not even be asked for.
ProcessEnd end_without_process(const Error& error);

} // namespace hp::contract
