// SPDX-License-Identifier: Apache-2.0
// A simulation as text: what the cluster is like, what happens to it and when, and what has to come
// of it. The same values are drawn from a seed, read from a file, and shrunk. The format is in
// docs/testing.md. Values.
#pragma once

#include <span>
#include <string>
#include <variant>
#include <vector>

#include "hp/base/result.hpp"
#include "options.hpp"

namespace hp::sim {

enum class Verb : std::uint8_t {
    // network
    split, // groups: only who is in one group hears each other
    cut,   // from, to: one direction
    heal,  // all links as they were
    delay, // from, to, ms: constant, on top
    hold,  // from, to, messages, ms: sent from now on they wait until then
    lose,  // from, to, messages, ms: likewise, and are lost
    hear,  // twin, members: whom one half of a Byzantine member talks to
    // nodes
    crash,         // nodes
    start,         // nodes
    crash_writing, // nodes, record, moment, down_ms: whoever does it next
    crash_sending, // nodes, message, reached, down_ms: likewise, having reached so many
    clock,         // nodes, ms: ahead of true time from now on
    drift,         // nodes, ppm
    disk_slow,     // nodes, ms: what a write takes
    disk_full,     // nodes: no write ends
    disk_ok,       // nodes
    spoil_log,     // nodes: they go down, and the vote log is lost, damaged or an old one
    backup,        // nodes: they go down, and everything on their disks is copied
    restore,       // nodes: they go down, and the copy takes its place
    // contract and users
    differ,     // nodes, percent: share of runs that give something else here
    unl_add,    // nodes: by the next run; all of these in one patch
    unl_remove, // nodes
    threshold,  // percent
    roundtime,  // ms
    inputs,     // number: at once, at random nodes
    // expectations, of what was since the last note; correct nodes only
    note,
    expect_ledgers,  // nodes, min, max: each of them decided
    expect_attempts, // max: ledgers took
    expect_latency,  // ms: until inputs were accepted where they were given
    expect_accepted, // min
    expect_results,  // mode, min, max
    expect_status,   // nodes, status
    expect_accused,  // nodes: by a correct node
    last = expect_accused,
};

// One word each.
using Nodes = std::vector<std::size_t>; // "0,3" or "all"
using Groups = std::vector<Nodes>;      // "0,1|2,3", or "random": drawn anew each time
struct Twin {                           // "0a", "0b"
    std::size_t member = 0;
    std::size_t half = 0;
    bool operator==(const Twin&) const = default;
};
struct Action {
    std::int64_t at_ms = 0;
    Verb verb = Verb::note;
    // What the verb takes of these, in this order.
    Twin twin;
    Nodes from;
    Nodes to;
    Groups groups;
    std::string word; // messages ("commit,certificate"), record, mode, status
    std::string moment;
    std::int64_t number = 0;
    std::int64_t number_max = 0;
    bool operator==(const Action&) const = default;
};

struct Scenario {
    Options options;
    std::vector<Action> actions;    // by time
    std::int64_t seeds = 1;         // to run it with, from options.seed on
    std::string violation;          // the invariant that has to break ("I1"); empty: none
    std::vector<std::string> story; // comment lines at the beginning
};

Result<Scenario> parse_scenario(std::string_view text);
std::string to_text(const Scenario& scenario);
std::string to_text(const Action& action);

// Everything from the seed. `nodes` 0: also drawn.
Scenario draw_scenario(std::uint64_t seed, std::int64_t nodes);

} // namespace hp::sim
