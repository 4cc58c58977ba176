// SPDX-License-Identifier: Apache-2.0
// Notes on stderr, as every command writes them: nothing with --quiet. One thread.
#pragma once

#include "cli/args.hpp"
#include "cli/output.hpp"
#include "cluster/launch.hpp"

namespace hp::dev {

inline void note(const cli::Args& args, const std::string& text) {
    if (!args.quiet) {
        cli::write_note(cli::note_head(args) + text + "\n");
    }
}

inline Notify notifier(const cli::Args& args) {
    return [&args](const std::string& text) { note(args, text); };
}

// "  nodes     3/3   0.4s  tolerates 0 failures"
inline void note_phase(const cli::Args& args, std::string phase, const std::string& text) {
    if (!args.quiet) {
        phase.resize(std::max<std::size_t>(phase.size(), 10), ' ');
        cli::write_note("  " + phase + text + "\n");
    }
}

} // namespace hp::dev
