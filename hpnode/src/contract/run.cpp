// SPDX-License-Identifier: Apache-2.0
#include "contract/run.hpp"

#include <cstring>

#include "hp/base/result.hpp"

namespace hp::contract {
namespace {

std::string signal_name(int number) {
    const char* name = ::sigabbrev_np(number);
    return name != nullptr ? std::string(" (SIG") + name + ")" : std::string();
}

} // namespace

std::string describe(const RunResult& result) {
    switch (result.end) {
    case RunEnd::exited:
        return "exit code " + std::to_string(result.code);
    case RunEnd::signaled:
        return "killed by signal " + std::to_string(result.code) + signal_name(result.code);
    case RunEnd::timed_out:
        return "timed out after " + std::to_string(result.stats.wall_us / 1000) + " ms";
    case RunEnd::stopped:
        return "stopped by the node";
    case RunEnd::not_started:
        return "could not be executed: " + errno_text(result.code);
    case RunEnd::failed:
        return "not run: " + (result.notes.empty() ? "unknown reason" : result.notes.front());
    }
    return "unknown end";
}

} // namespace hp::contract
