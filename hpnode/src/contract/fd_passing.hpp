// SPDX-License-Identifier: Apache-2.0
// Packets with descriptors attached, over SOCK_SEQPACKET sockets: how requests travel from the
// node to the launcher's processes. Blocking. Any thread.
#pragma once

#include <span>
#include <vector>

#include "hp/base/bytes.hpp"
#include "hp/base/result.hpp"

namespace hp::contract {

// The kernel's own bound for one message (SCM_MAX_FD).
inline constexpr std::size_t fds_per_packet_max = 253;

// `bytes` must not be empty: a packet of no bytes looks like the end of the connection.
// Errc::closed when the other side is gone.
Status send_packet(int socket, ByteView bytes, std::span<const int> fds);

// The number of bytes received into `buffer`, 0 when the other side is gone. Descriptors are
// appended to `fds` in the order sent; the kernel gives each the lowest free number.
// Errc::too_large when this process has no room for them.
Result<std::size_t> receive_packet(int socket, std::span<std::uint8_t> buffer,
                                   std::vector<int>& fds);

} // namespace hp::contract
