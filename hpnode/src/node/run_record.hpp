// SPDX-License-Identifier: Apache-2.0
// What the node remembers about contract runs, for its log and its status: the last run for a
// ledger, and how many ended in which way since the node was started.
// Values; one owner.
#pragma once

#include <optional>
#include <string>

#include "contract/run.hpp"

namespace hp::node {

inline constexpr std::int64_t us_per_ms = 1000;

struct RunRecord {
    LedgerSeq seq = 0;
    contract::RunEnd end = contract::RunEnd::exited;
    int code = 0; // as in contract::RunResult
    contract::RunStats stats;
    contract::PostExecResult post_exec;
    std::uint64_t outputs = 0; // messages
    std::string void_reason;   // not empty: outputs and changes were dropped, and why
    std::int64_t budget_us = 0;

    // It ended as contracts do, and so did post_exec.sh; what it did counts.
    bool is_normal() const;
    // The next ledger had to wait for this run.
    bool is_over_budget() const { return stats.wall_us > budget_us; }
};

struct RunTotals {
    std::uint64_t runs = 0;
    // Of them, by how they ended; exits with code 0 are the rest.
    std::uint64_t exited_nonzero = 0;
    std::uint64_t signaled = 0; // but for SIGINT, by which a contract ends itself
    std::uint64_t timed_out = 0;
    std::uint64_t not_started = 0;
    // Whatever their end.
    std::uint64_t post_exec_failed = 0;
    std::uint64_t voided = 0;
    std::uint64_t over_budget = 0;
    std::int64_t cpu_us = 0;

    std::uint64_t abnormal() const { return exited_nonzero + signaled + timed_out + not_started; }
};

struct ReadTotals {
    std::uint64_t answered = 0; // ended with exit code 0, with outputs or without
    std::uint64_t failed = 0;
    std::uint64_t dropped = 0; // never run: too many were waiting
};

class RunRecords {
public:
    void add(RunRecord run);
    void add_read(const contract::RunResult& run);
    void add_dropped_read() { ++reads_.dropped; }

    const std::optional<RunRecord>& last() const { return last_; }
    const RunTotals& totals() const { return totals_; }
    const ReadTotals& reads() const { return reads_; }

private:
    std::optional<RunRecord> last_;
    RunTotals totals_;
    ReadTotals reads_;
};

// The run as the values that describe it in the contract layer.
contract::RunResult as_result(const RunRecord& run);

// "exited", "signaled", "timed_out", "not_started"...
std::string_view to_string(contract::RunEnd end);

} // namespace hp::node
