// SPDX-License-Identifier: Apache-2.0
// From a byte stream to a message stream: the WebSocket upgrade, for listener.cpp and
// connector.cpp. The implementation is the one translation unit with Boost.Beast in it.
// Reactor thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "byte_stream.hpp"
#include "hp/base/result.hpp"
#include "hp/net/message_stream.hpp"

namespace hp::net {

struct StreamSettings {
    std::string remote_host;
    std::size_t message_bytes_max = 0;
    std::size_t send_queue_bytes_max = 0;
    std::int64_t ping_interval_ms = 0; // 0: no pings
};

using OnUpgraded = std::function<void(Result<std::shared_ptr<Stream>>)>;

// Both call `on_done` once, later, unless the reactor is destroyed first. Neither has a timeout:
// abort the byte stream.

// `head` is the HTTP request up to and with its empty line.
void upgrade_server(ByteStream stream, const std::string& head, StreamSettings settings,
                    OnUpgraded on_done);

// `authority` is the Host header: host:port.
void upgrade_client(ByteStream stream, const std::string& authority, const std::string& target,
                    StreamSettings settings, OnUpgraded on_done);

} // namespace hp::net
