// SPDX-License-Identifier: Apache-2.0
// What a cluster must do under faults, by the rules of agreement (docs/consensus.md): who still
// closes ledgers, who waits, who dies, whose state is put right. Made from the number of
// validators, the threshold, who runs, and the faults in force; nothing is asked. Pure.
#pragma once

#include "chaos/fault.hpp"

namespace hp::dev {

// Nodes that can talk to each other.
struct PredictedSide {
    std::vector<unsigned> nodes; // those that run, observers as well
    std::size_t voters = 0;      // of them
    bool closes = false;         // ledgers
    bool hangs = false;          // no ledger closes, though there is a quorum: runs do not end
    bool certified = true;       // a quorum of equal results; otherwise outputs are dropped
    bool keeps_state = true;     // what runs do to the state counts
    std::uint64_t ledger_ms = 0; // at least, from one to the next, if runs are slow
};

struct Prediction {
    std::size_t validators = 0, quorum = 0;
    std::uint32_t threshold = 0;
    std::vector<PredictedSide> sides;
    std::vector<unsigned> stopped, paused;
    std::vector<unsigned> dying; // end by themselves, their disk being full
    bool dying_surely = true;    // they store something soon
    std::vector<unsigned> odd;   // their state differs after each run; they fetch that of others
    std::vector<unsigned> hung;  // follow nobody until their run is killed
    std::uint64_t delay_ms = 0;  // of the worst link
    std::string doubt;           // why nothing is predicted; empty: something is
};

Prediction predict(const Cluster& cluster, const std::vector<ClusterFault>& faults);

// "n=4, threshold 75 %: quorum 3. n1, n2: ..."
std::string prediction_text(const Prediction& prediction);

// "n1, n2"
std::string node_names(const std::vector<unsigned>& numbers);

} // namespace hp::dev
