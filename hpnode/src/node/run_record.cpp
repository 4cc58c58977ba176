// SPDX-License-Identifier: Apache-2.0
#include "node/run_record.hpp"

namespace hp::node {

using contract::PostExecVerdict;
using contract::RunEnd;

namespace {

// A contract that ends itself by SIGINT is none that was killed.
bool is_killed(const contract::RunResult& run) {
    return run.end == RunEnd::signaled && !contract::is_success(run);
}

bool is_normal_end(const contract::RunResult& run) {
    return run.end == RunEnd::exited ? run.code == 0
                                     : run.end == RunEnd::signaled && !is_killed(run);
}

} // namespace

contract::RunResult as_result(const RunRecord& run) {
    contract::RunResult out;
    out.end = run.end;
    out.code = run.code;
    out.stats = run.stats;
    out.post_exec = run.post_exec;
    return out;
}

bool RunRecord::is_normal() const {
    return is_normal_end(as_result(*this)) && void_reason.empty() &&
           post_exec.verdict != PostExecVerdict::failed;
}

void RunRecords::add(RunRecord run) {
    ++totals_.runs;
    totals_.exited_nonzero += run.end == RunEnd::exited && run.code != 0 ? 1 : 0;
    totals_.signaled += is_killed(as_result(run)) ? 1 : 0;
    totals_.timed_out += run.end == RunEnd::timed_out ? 1 : 0;
    totals_.not_started += run.end == RunEnd::not_started ? 1 : 0;
    totals_.post_exec_failed += run.post_exec.verdict == PostExecVerdict::failed ? 1 : 0;
    totals_.voided += run.void_reason.empty() ? 0 : 1;
    totals_.over_budget += run.is_over_budget() ? 1 : 0;
    totals_.cpu_us += run.stats.cpu_us;
    last_ = std::move(run);
}

void RunRecords::add_read(const contract::RunResult& run) {
    ++(is_normal_end(run) ? reads_.answered : reads_.failed);
}

std::string_view to_string(RunEnd end) {
    switch (end) {
    case RunEnd::exited:
        return "exited";
    case RunEnd::signaled:
        return "signaled";
    case RunEnd::timed_out:
        return "timed_out";
    case RunEnd::stopped:
        return "stopped";
    case RunEnd::not_started:
        return "not_started";
    case RunEnd::failed:
        return "failed";
    }
    return "unknown";
}

} // namespace hp::node
