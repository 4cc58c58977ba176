// SPDX-License-Identifier: Apache-2.0
#include "contract/run.hpp"

#include <csignal>
#include <cstring>

#include "hp/base/result.hpp"

namespace hp::contract {
namespace {

std::string signal_name(int number) {
    const char* name = ::sigabbrev_np(number);
    return name != nullptr ? std::string(" (SIG") + name + ")" : std::string();
}

std::string describe_end(RunEnd end, int code, std::int64_t wall_us) {
    switch (end) {
    case RunEnd::exited:
        return "exit code " + std::to_string(code);
    case RunEnd::signaled:
        return "killed by signal " + std::to_string(code) + signal_name(code);
    case RunEnd::timed_out:
        return "timed out after " + std::to_string(wall_us / 1000) + " ms";
    case RunEnd::stopped:
        return "stopped by the node";
    case RunEnd::not_started:
        return "could not be executed: " + errno_text(code);
    case RunEnd::failed:
        return "not run";
    }
    return "unknown end";
}

} // namespace

bool is_success(const RunResult& result) {
    return result.end == RunEnd::exited || result.end == RunEnd::not_started ||
           (result.end == RunEnd::signaled && result.code == SIGINT);
}

std::string describe(const RunResult& result) {
    const std::string end = describe_end(result.end, result.code, result.stats.wall_us);
    if (result.end != RunEnd::failed) {
        return end;
    }
    return end + ": " + (result.notes.empty() ? "unknown reason" : result.notes.front());
}

std::string describe(const PostExecResult& result) {
    return result.verdict == PostExecVerdict::none
               ? "did not run"
               : describe_end(result.end, result.code, result.wall_us);
}

std::string_view to_string(PostExecVerdict verdict) {
    switch (verdict) {
    case PostExecVerdict::none:
        return "none";
    case PostExecVerdict::done:
        return "done";
    case PostExecVerdict::again:
        return "again";
    case PostExecVerdict::failed:
        return "failed";
    }
    return "unknown";
}

} // namespace hp::contract
