// SPDX-License-Identifier: Apache-2.0
// Opening directories below a root that nothing can lead out of: no "..", no symlink, no mount
// point on the way. The kernel sees to it (openat2); where it cannot (before 5.6, or filtered), the
// path is walked one component at a time.
// Any thread.
#pragma once

#include <string>

#include "hp/base/result.hpp"
#include "hp/os/fd.hpp"

namespace hp::state::sync {

// `path` is relative and '/' separated; empty: the root itself.
Result<os::Fd> open_directory_beneath(int root, const std::string& path);

// The way without openat2, for kernels that do not have it.
Result<os::Fd> walk_directory_beneath(int root, const std::string& path);

} // namespace hp::state::sync
