// SPDX-License-Identifier: Apache-2.0
// What one simulated cluster is like, and how its network, disks, contract and users behave all
// along. Whole numbers only, so that a scenario file says exactly what was drawn. Values.
#pragma once

#include <array>
#include <string>
#include <variant>

#include "lies.hpp"

namespace hp::sim {

struct Options {
    std::int64_t seed = 1; // of everything that is left to chance
    std::int64_t nodes = 5;
    std::int64_t byzantine = 0; // the first of them
    std::int64_t threshold = 80;
    std::int64_t roundtime_ms = 1000;
    bool eager = false;
    std::int64_t observers = 0; // follow without being members

    std::int64_t fault_ms = 40'000; // then everything heals
    std::int64_t calm_ms = 20'000;  // and ledgers have to close again

    // network
    std::int64_t delay_us_min = 200;
    std::int64_t delay_us_max = 2'000;
    std::int64_t loss_percent = 0;
    std::int64_t duplicate_percent = 0;
    std::int64_t late_percent = 0; // of messages that take up to three roundtimes
    bool encoded = false;          // messages go through their encoding
    bool real_signatures = false;  // Ed25519, checked by whoever gets them

    // nodes
    std::int64_t disk_us_max = 2'000;
    std::int64_t slow_disk_percent = 0;      // of writes that take up to a roundtime
    std::int64_t crash_in_boot_percent = 0;  // of starts
    std::int64_t disk_failures_permille = 0; // of writes to the log; the node stops
    std::int64_t clock_offset_ms = 0;        // at most, in either direction
    std::int64_t ledgers_kept = 0;           // by each; who lacks older ones goes on from a newer

    // contract
    std::int64_t run_ms_max = 20;
    std::int64_t differs_percent = 0;     // of runs that give something else on one node
    std::int64_t unl_changes_percent = 0; // of runs that add or remove a member or change threshold
    std::int64_t offset_max = 10;         // max_input_ledger_offset
    std::int64_t user_input_bytes = 0;    // per user and round

    // users
    std::int64_t inputs_per_minute = 120;

    Lies lies; // of Byzantine members

    bool operator==(const Options&) const = default;
};

struct OptionName {
    std::string_view name;
    std::variant<std::int64_t Options::*, bool Options::*> member;
    std::int64_t max; // values are 0..max
};
// All but `lies`; as scenario files name them.
const std::array<OptionName, 28>& option_names();

// Everything from the seed. `nodes` 0: also drawn.
Options draw_options(std::uint64_t seed, std::int64_t nodes);

// Those that differ from the defaults, as lines of a scenario file.
std::string to_text(const Options& options);

} // namespace hp::sim
