// SPDX-License-Identifier: Apache-2.0
// Small blocking file helpers with errors as values. Any thread.
#pragma once

#include <cstddef>
#include <filesystem>

#include "hp/base/bytes.hpp"
#include "hp/base/result.hpp"
#include "hp/os/fd.hpp"

namespace hp::os {

// A regular file, whole; Errc::too_large beyond `bytes_max`.
Result<Bytes> read_file(const std::filesystem::path& path, std::size_t bytes_max);

// New content or old content, never a mixture, also after power loss: temp file beside it, fsync,
// rename, fsync of the directory. `mode` is exact (no umask); an existing file keeps its owner when
// we may set it, so that a root shell does not lock out the service.
Status replace_file(const std::filesystem::path& path, ByteView content, unsigned mode);

// The same where nothing is yet: false, and no change, when `path` exists. Of several who try at
// the same time, one makes it.
Result<bool> create_file(const std::filesystem::path& path, ByteView content, unsigned mode);

Status fsync_directory(const std::filesystem::path& path);

// Close-on-exec is added to `flags`; the umask applies to `mode`.
Result<Fd> open_file(const std::filesystem::path& path, int flags, unsigned mode = 0);

// mkdir -p with mode 0755, whatever the umask, for every directory made.
Status make_directories(const std::filesystem::path& path);

} // namespace hp::os
