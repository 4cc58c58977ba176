// SPDX-License-Identifier: Apache-2.0
// What one simulated cluster is like and what may happen to it, drawn from the seed ("swarm"
// testing: most seeds have only some kinds of faults, so that each gets its chance). Values.
#pragma once

#include <string>

#include "random.hpp"

namespace hp::sim {

struct Options {
    std::uint64_t seed = 1;
    std::size_t nodes = 5;
    std::size_t byzantine = 0; // at most 2q - n - 1
    unsigned threshold = 80;
    std::int64_t roundtime_ms = 1000;
    bool eager = false;
    std::int64_t fault_ms = 40'000; // then everything heals
    std::int64_t calm_ms = 20'000;  // and ledgers have to close again

    // network
    std::int64_t delay_us_min = 200;
    std::int64_t delay_us_max = 2'000;
    double loss = 0;
    double duplicate = 0;
    double slow_message = 0; // share of messages that take up to a few roundtimes
    bool partitions = false;
    bool one_way = false; // partitions cut one direction only

    // nodes
    double crashes_per_minute = 0; // per node
    bool crash_all = false;        // sometimes all at once
    std::int64_t disk_us_max = 2'000;
    double slow_disk = 0; // share of writes that take up to a roundtime
    std::int64_t clock_offset_ms = 0;

    // contract
    std::int64_t run_ms_max = 20;
    double differs = 0;     // share of runs whose result differs on one node
    double unl_changes = 0; // share of runs that add or remove a member or change the threshold

    // users
    double inputs_per_second = 2;

    std::string describe() const;
};

// Everything from the seed; `nodes` 0: also drawn.
Options draw_options(std::uint64_t seed, std::size_t nodes);

} // namespace hp::sim
