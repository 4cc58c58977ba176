// SPDX-License-Identifier: Apache-2.0
// The process that serves one run's view of its files (tracked/view_server.hpp): a child of the
// launcher's helper, so that it is none of the run's processes and sees the files themselves.
// Single-threaded processes only.
#pragma once

#include <string>

#include <sys/types.h>

#include "hp/os/fd.hpp"

namespace hp::contract {

// What the supervisor of the run needs for it; empty for a run without a view.
struct RunView {
    os::Fd fuse;
    os::Fd control;
    pid_t server = -1;
    int error = 0; // why there is none

    // Helper: of this directory, with what was written going to the file `report`.
    static RunView start(const std::string& directory, os::Fd report);
};

} // namespace hp::contract
