// SPDX-License-Identifier: Apache-2.0
// Stream sockets with a name in the file system. The kernel takes 107 bytes of a path at most;
// longer ones are reached through the directory's descriptor, so that a node's directory may lie
// anywhere. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>

#include "hp/base/result.hpp"
#include "hp/os/fd.hpp"

namespace hp::os {

// A listening, non-blocking socket that only its owner (and root) may connect to. Whatever had the
// name is removed first: the caller holds the lock of that directory, so it is nobody's any more.
Result<Fd> listen_local(const std::filesystem::path& path);

// A connected, non-blocking socket. Errc::not_found: no such name; Errc::closed: nobody listens
// there; Errc::timeout: somebody does, but serves nobody.
Result<Fd> connect_local(const std::filesystem::path& path);

// Everything the other side sends until it closes. Errc::timeout after `timeout_ms` altogether,
// Errc::too_large beyond `bytes_max`.
Result<Bytes> read_to_end(const Fd& socket, std::size_t bytes_max, std::int64_t timeout_ms);

} // namespace hp::os
