// SPDX-License-Identifier: Apache-2.0
// What counts as which kind of end, and what is out of the ordinary.
#include "node/run_record.hpp"

#include <csignal>

#include <catch2/catch.hpp>

using namespace hp;
using contract::PostExecVerdict;
using contract::RunEnd;
using node::RunRecord;
using node::RunRecords;

namespace {

RunRecord make_run(RunEnd end, int code) {
    RunRecord run;
    run.seq = 7;
    run.end = end;
    run.code = code;
    run.budget_us = 1'000'000;
    return run;
}

contract::RunResult make_read(RunEnd end, int code) {
    contract::RunResult run;
    run.end = end;
    run.code = code;
    return run;
}

} // namespace

TEST_CASE("ends are counted by their kind", "[node]") {
    RunRecords records;
    CHECK_FALSE(records.last());
    records.add(make_run(RunEnd::exited, 0));
    records.add(make_run(RunEnd::exited, 7));
    records.add(make_run(RunEnd::signaled, SIGSEGV));
    records.add(make_run(RunEnd::signaled, SIGINT)); // how a contract ends itself
    records.add(make_run(RunEnd::timed_out, SIGKILL));
    records.add(make_run(RunEnd::not_started, ENOENT));
    const node::RunTotals& totals = records.totals();
    CHECK(totals.runs == 6);
    CHECK(totals.exited_nonzero == 1);
    CHECK(totals.signaled == 1);
    CHECK(totals.timed_out == 1);
    CHECK(totals.not_started == 1);
    CHECK(totals.abnormal() == 4);
    CHECK(totals.voided == 0);
    CHECK(totals.over_budget == 0);
    REQUIRE(records.last());
    CHECK(records.last()->end == RunEnd::not_started);
}

TEST_CASE("a run is over its budget when it takes longer, not when it takes as long", "[node]") {
    RunRecords records;
    for (const std::int64_t wall_us : {999'999, 1'000'000, 1'000'001}) {
        RunRecord run = make_run(RunEnd::exited, 0);
        run.stats.wall_us = wall_us;
        run.stats.cpu_us = 5;
        CHECK(run.is_over_budget() == (wall_us > 1'000'000));
        CHECK(run.is_normal());
        records.add(run);
    }
    CHECK(records.totals().over_budget == 1);
    CHECK(records.totals().cpu_us == 15);
}

TEST_CASE("a void run or a failed post_exec.sh is not normal, whatever the exit code", "[node]") {
    CHECK(make_run(RunEnd::exited, 0).is_normal());
    CHECK(make_run(RunEnd::signaled, SIGINT).is_normal());
    CHECK_FALSE(make_run(RunEnd::exited, 1).is_normal());
    CHECK_FALSE(make_run(RunEnd::signaled, SIGKILL).is_normal());
    CHECK_FALSE(make_run(RunEnd::timed_out, 0).is_normal());

    RunRecords records;
    RunRecord voided = make_run(RunEnd::exited, 0);
    voided.void_reason = "too much";
    CHECK_FALSE(voided.is_normal());
    records.add(voided);
    RunRecord script = make_run(RunEnd::exited, 0);
    script.post_exec.verdict = PostExecVerdict::failed;
    CHECK_FALSE(script.is_normal());
    records.add(script);
    script.post_exec.verdict = PostExecVerdict::again;
    CHECK(script.is_normal());
    CHECK(records.totals().voided == 1);
    CHECK(records.totals().post_exec_failed == 1);
    CHECK(records.totals().abnormal() == 0);
}

TEST_CASE("reads are counted apart", "[node]") {
    RunRecords records;
    records.add_read(make_read(RunEnd::exited, 0));
    records.add_read(make_read(RunEnd::signaled, SIGINT));
    records.add_read(make_read(RunEnd::exited, 3));
    records.add_read(make_read(RunEnd::failed, 0));
    records.add_dropped_read();
    CHECK(records.reads().answered == 2);
    CHECK(records.reads().failed == 2);
    CHECK(records.reads().dropped == 1);
    CHECK(records.totals().runs == 0);
}
