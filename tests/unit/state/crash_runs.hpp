// SPDX-License-Identifier: Apache-2.0
// What a node does with its store over a few runs, or to take over the state of another node, for
// tests that interrupt it anywhere; and what may be found afterwards.
// Test thread, or a child process.
#pragma once

#include <functional>

#include "sync_support.hpp"

namespace hp::state::test {

inline constexpr LedgerSeq first_seq = 3; // runs 1 and 2 are there before the crash
inline constexpr LedgerSeq last_seq = 6;
inline constexpr std::uint64_t moments_step = 7; // there are some hundred moments to crash at

struct Picture {
    Snapshot state;
    std::string patch;
    bool operator==(const Picture&) const = default;
};

Picture picture(const fs::path& view);

// The two runs before.
void prepare_runs(const fs::path& root);
// What is to be found after each run. `root` is left in the state after the last.
std::map<LedgerSeq, Picture> expected_pictures(const fs::path& root);

// Everything a node does, in one process. Returns false on any error; no test macros, as it runs
// in a child. `reported`: the newest run that others may have been told about.
bool do_runs(const fs::path& root, const std::function<void()>& step,
             volatile LedgerSeq* reported = nullptr);

// Starts the store, which must be that after a run from `newest` on, and says which.
void check_recovered(const fs::path& root, const std::map<LedgerSeq, Picture>& expected,
                     LedgerSeq& newest);

// --- state sync ------------------------------------------------------------------------------

inline constexpr LedgerSeq target_seq = 5;

// No test macros: runs in a child, and a failure must show as its exit code.
bool sync_and_adopt(const fs::path& root, const Store& source, const std::function<void()>& step,
                    volatile LedgerSeq* reported = nullptr);

// Two nodes that were the same once.
class SyncPair {
public:
    SyncPair();

    ReadyStore source;
    TempDir node;
    Picture old;
};

} // namespace hp::state::test
