// SPDX-License-Identifier: Apache-2.0
// The measurements. Each connects to a running node, measures, and returns what it found. Blocking;
// one at a time.
#pragma once

#include "hp/base/ids.hpp"
#include "hp/base/result.hpp"
#include "report.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace hp::bench {

// Ledgers that close without any input, as a subscriber sees them.
struct LedgersOptions {
    std::string url;
    std::int64_t seconds = 10;
};
Result<Report> measure_ledgers(const LedgersOptions& options);

// One input at a time: from sending it to "accepted", and to the output that echoes it.
struct LatencyOptions {
    std::string url;
    std::size_t count = 50;
    std::int64_t interval_ms = 0; // from one input to the next at least; 0: at once
    std::size_t payload_bytes = 32;
};
Result<Report> measure_latency(const LatencyOptions& options);

// Many inputs. With a rate they are sent on time whatever the node does, and latency counts from
// when an input was due. Without, every connection keeps `window` of them unanswered.
struct InputsOptions {
    std::string url;
    std::size_t connections = 1;
    std::optional<double> per_second;
    std::int64_t seconds = 10;
    std::size_t window = 1000;
    std::size_t prepared = 200'000; // inputs signed beforehand when there is no rate
    std::size_t payload_bytes = 32;
    LedgerSeq expire_after = 60'000; // ledgers; needs contract.max_input_ledger_offset 0
    int node_pid = 0;                // 0: do not measure the node's processor time
};
Result<Report> measure_inputs(const InputsOptions& options);

// Read requests on one connection, `outstanding` of them at any time.
struct ReadsOptions {
    std::string url;
    std::size_t outstanding = 1;
    std::size_t count = 200;
    std::int64_t interval_ms = 0; // with one outstanding: from one to the next at least
    std::size_t payload_bytes = 32;
    int node_pid = 0;
};
Result<Report> measure_reads(const ReadsOptions& options);

// Memory and processor time of a node's processes. Does not connect.
struct IdleOptions {
    int node_pid = 0;
    std::int64_t seconds = 10;
};
Result<Report> measure_idle(const IdleOptions& options);

// The state store alone: what it adds to a round, and the sync of a state from one store to another
// in one thread. No node is needed.
struct StateOptions {
    std::string directory = "."; // where the files go; on the disk that is to be measured
    std::uint64_t bytes = 0;     // of one big file
    std::size_t files = 0;       // of 100 bytes each
    std::size_t rounds = 50;
    std::size_t full_rounds = 3; // in which everything is written anew
};
Result<Report> measure_state(const StateOptions& options);
Result<Report> measure_sync(const StateOptions& options);

} // namespace hp::bench
