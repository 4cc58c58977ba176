// SPDX-License-Identifier: Apache-2.0
// Runs of a test that reach their files through a view that records what they write, as those of a
// node with state.backend = tracked do.
// Test thread only.
#pragma once

#include <functional>
#include <optional>

#include "state_support.hpp"
#include "tracked/written.hpp"

namespace hp::state::test {

// Whether views can be mounted here; says so once where they cannot.
bool has_views();

struct ViewRun {
    std::optional<tracked::Written> written;
    int failure = 0; // an errno, of a run that must not count
};

struct ViewOptions {
    std::uint64_t file_bytes_min = 1; // record all files that have content
    // In the test's own process while the job runs, which is over when this is and the job is.
    std::function<void()> meanwhile = {};
    bool kill_server = false; // before the job ends
};

// `job` in a process of its own, which sees `directory` through a view.
ViewRun run_in_view(const fs::path& directory, const std::function<void()>& job,
                    const ViewOptions& options = {});

// Captures what such a run has changed, and compares with the hash from scratch.
CaptureStats capture_run(Store& store, const ViewRun& run);

} // namespace hp::state::test
