// SPDX-License-Identifier: Apache-2.0
// The way to a server through a proxy: SOCKS5 without a password (RFC 1928), or CONNECT of HTTP
// (RFC 9110, 9.3.6). Names are looked up by the proxy. Reactor thread only.
#pragma once

#include "asio_types.hpp"
#include "hp/base/result.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace hp::net {

struct ProxyTarget {
    std::string host; // a name or a numeric address, without brackets
    std::uint16_t port = 0;
    std::string authority; // as written: host:port
};

enum class ProxyKind : std::uint8_t { socks5, http };

// On a socket that is connected to the proxy; afterwards it is a connection to the target. The
// socket has to stay where it is until `on_done`, which is called exactly once; closing it ends the
// negotiation with an error.
void pass_proxy(TcpSocket& socket, ProxyKind kind, const ProxyTarget& target,
                std::function<void(Status)> on_done);

} // namespace hp::net
