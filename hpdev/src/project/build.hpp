// SPDX-License-Identifier: Apache-2.0
// Builds a project with its own commands and leaves its bundle. Blocking.
#pragma once

#include "project/bundle.hpp"
#include "project/shell.hpp"

namespace hp::dev {

struct BuildOptions {
    bool clean = false;   // first remove what earlier builds left
    bool release = false; // smallest and fastest program, no assertions
    bool fast = false;    // to build rather than to run: for the next look at a change
    std::string sanitize; // "address,undefined": for tests, not for clusters
};

// What build and test commands find in their environment: HotPocket_DIR and CMAKE_GENERATOR (for
// CMake), HP_BUILD_DIR, HP_BUILD_TYPE, HP_SANITIZE.
std::vector<EnvironmentVariable> build_environment(const Project& project,
                                                   const BuildOptions& options);

cli::Parsed<Bundle> build_project(const Project& project, const BuildOptions& options);

} // namespace hp::dev
