// SPDX-License-Identifier: Apache-2.0
// A folder of this user for what must not lie in a project: locks of the whole machine, sockets
// whose names would be too long, node folders in memory. Blocking file work; any thread.
#pragma once

#include "cluster/expected.hpp"

namespace hp::dev {

// $XDG_RUNTIME_DIR/hpdev, or /tmp/hpdev-<uid>; made with mode 0700. An error when somebody else has
// taken that name.
Expected<fs::path> user_folder();

// The same in memory: /dev/shm/hpdev-<uid>.
Expected<fs::path> memory_folder();

// 16 hex digits that stand for a path.
std::string short_name(const fs::path& path);

} // namespace hp::dev
