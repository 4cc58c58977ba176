// SPDX-License-Identifier: Apache-2.0
// How far long work is, on stderr: nothing for the first 300 ms; then on a terminal one line that
// changes (a spinner, and a bar with rate and remaining time once the whole is known), elsewhere a
// line every two seconds. Nothing with --quiet and --no-progress. Gone when the object is, so that
// answers and errors have their lines for themselves. step() and describe() may be called from any
// thread; drawing has a thread of its own, so that work that blocks shows it as well.
#pragma once

#include "cli/args.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace hp::cli {

// What there is to tell. total 0: unknown.
struct ProgressState {
    std::string what; // "waiting for ledger 12"
    std::string unit; // of done and total: "ledgers", "bytes"
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    std::int64_t elapsed_ms = 0;
};

// "verifying: 120 of 500 ledgers (24 %), 60/s, 6 s left". Pure.
std::string progress_text(const ProgressState& state);
// The same as a line for a terminal, with spinner or bar; `width` columns at most. Pure.
std::string progress_line(const ProgressState& state, std::size_t width);

class Progress {
public:
    Progress(const Args& args, std::string what, std::string unit = {});
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void step(std::uint64_t done, std::uint64_t total = 0);
    void describe(std::string what);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_; // null: nothing is shown
};

} // namespace hp::cli
