// SPDX-License-Identifier: Apache-2.0
// A run's own view of its files: a FUSE file system that covers their directory in the run's mount
// namespace, and there only. So nobody else ever meets it, and it goes with the last process of
// the run whatever happens to the node.
#pragma once

#include <string>

#include "hp/base/result.hpp"
#include "hp/os/fd.hpp"

namespace hp::tracked {

// Errc::unsupported where FUSE cannot be used. In the user namespace in which it will be mounted.
Result<os::Fd> open_fuse();

// Covers the directory with the file system that is served behind `fuse`. In a mount namespace of
// the caller's own.
Status mount_view(int fuse, const std::string& directory);

} // namespace hp::tracked
