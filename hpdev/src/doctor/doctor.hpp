// SPDX-License-Identifier: Apache-2.0
// What hpdev needs of a machine, and what there is: programs, the kernel's means of keeping
// contracts apart, disk, limits, clusters that did not end in good order. Everything is really
// tried, not concluded from versions. Blocking; before there is a second thread, because some of it
// is tried in a child process.
#pragma once

#include "cli/checks.hpp"
#include "cluster/places.hpp"
#include "project/project.hpp"

namespace hp::dev {

// The rest of the toolkit, compilers, NodeJS. What `language` needs must be there, for other
// languages it is only told.
void check_programs(const std::optional<Language>& language, cli::Checks& out);

// Means of the kernel: contracts run without them, but something is lost.
void check_kernel(cli::Checks& out);

// Ports, disk, memory, limits, clock.
void check_resources(const fs::path& folder, cli::Checks& out);

// Those of the place, and mounts in it that nobody has any more.
void check_clusters(const Place& place, cli::Checks& out);

} // namespace hp::dev
