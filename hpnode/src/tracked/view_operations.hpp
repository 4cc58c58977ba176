// SPDX-License-Identifier: Apache-2.0
// The kernel's requests, as libfuse hands them over, for the files of one view.
// One owner thread.
#pragma once

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

namespace hp::tracked {

// What the kernel calls a file without a name (O_TMPFILE). This libfuse does not know the request,
// which is otherwise that to create a file: whoever passes requests on makes it one.
inline constexpr const char* unnamed = "/";

// To be used with a ViewFiles as user data.
const fuse_lowlevel_ops& view_operations();

} // namespace hp::tracked
