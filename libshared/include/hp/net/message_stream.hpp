// SPDX-License-Identifier: Apache-2.0
// Message streams: WebSocket connections over TLS (or plain TCP when asked), seen as whole
// messages. Everything here is reactor thread only, and nothing may outlive its Reactor (destroy
// streams and listeners before it; after run() has returned any one thread may do that).
// Implemented in net/{listener,connector,websocket}.cpp; only the last includes Boost.Beast.
//
// Rules that come from user-protocol.md section 2: outgoing frames are always binary; incoming
// text and binary are alike; no extension or subprotocol is ever selected; the message limit is
// inclusive and exact (one byte more closes with 1009); pings are answered and server pings sent.
// One difference: text frames must be UTF-8, as RFC 6455 demands, or the stream closes with 1007.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "hp/base/bytes.hpp"
#include "hp/base/log.hpp"
#include "hp/base/result.hpp"
#include "hp/net/reactor.hpp"

namespace hp::net {

// WebSocket close codes this project sends (RFC 6455 section 7.4.1).
enum class CloseCode : std::uint16_t {
    normal = 1000,
    going_away = 1001,
    protocol_error = 1002,
    policy = 1008,
    too_big = 1009,
    internal = 1011,
    try_later = 1013,
};

struct CloseInfo {
    std::uint16_t code = 1006; // 1006: the connection ended without a close frame
    std::string reason;
    bool by_remote = false; // a close frame or disconnect came from the other side
};

using SharedBytes = std::shared_ptr<const Bytes>;

class Stream {
public:
    virtual ~Stream() = default;

    // Handlers are set once, before the first message can arrive (inside the on_stream or connect
    // callback). on_close is called exactly once, after which no other call comes; never from
    // inside a call to this object. A started stream lives until then even if nobody refers to it;
    // one that is dropped without having been started ends its connection.
    virtual void start(std::function<void(Bytes)> on_message,
                       std::function<void(CloseInfo)> on_close) = 0;

    // Queues one binary message. When the queue would exceed the stream's limit the stream is
    // closed with try_later instead. Messages sent after close() are dropped.
    virtual void send(SharedBytes message) = 0;

    // Sends what is queued, then a close frame, then ends the connection (at most ~2 s later even
    // if the other side does not answer). Messages that still arrive are not delivered.
    virtual void close(CloseCode code, std::string reason) = 0;

    // Stops (true) or resumes (false) reading from the connection: back-pressure on the sender.
    // No message is delivered while paused; a lost connection may go unnoticed that long.
    virtual void pause_reading(bool paused) = 0;

    // Called whenever everything that was sent has been handed on, so that a sender with more than
    // it wants to queue knows when to go on. Set it like the other handlers.
    virtual void on_drained(std::function<void()> handler) = 0;

    // From now on incoming messages may have this size; a stream begins with the limit of its
    // options. For limits that depend on who the other side turns out to be.
    virtual void limit_messages(std::size_t bytes_max) = 0;

    virtual const std::string& remote_host() const = 0; // numeric address, no port
    virtual std::size_t queued_bytes() const = 0;       // sent to us, not yet taken by the kernel
    // SHA-256 fingerprint of the certificate the other side showed, lowercase hex; empty without
    // TLS.
    virtual const std::string& peer_certificate_sha256() const = 0;
    // 32 bytes that only the two ends of this TLS connection know (RFC 5705, with a label of this
    // project): what proves who somebody is on this connection and nowhere else. Empty without TLS.
    virtual const Bytes& channel_binding() const = 0;
};

struct TlsFiles {
    std::string certificate_chain_pem; // path
    std::string private_key_pem;       // path
};

struct ListenOptions {
    std::string address = "0.0.0.0"; // numeric; "::" takes IPv4 and IPv6
    std::uint16_t port = 0;
    std::optional<TlsFiles> tls; // absent: plain ws
    bool tls13_only = false;
    std::size_t message_bytes_max = 0;
    std::size_t send_queue_bytes_max = 0;
    std::int64_t setup_timeout_ms = 0; // TLS and upgrade together
    std::int64_t ping_interval_ms = 0; // idle time after which a ping is sent; twice that ends it
};

struct ListenHandlers {
    // After TCP accept, before TLS: false closes the socket at once (bans, per-host limits).
    std::function<bool(const std::string& host)> admit;
    // The connection is upgraded and ready; call start() on it now.
    std::function<void(std::shared_ptr<Stream>)> on_stream;
    // An admitted connection ended before on_stream (failed or slow TLS or upgrade).
    std::function<void(const std::string& host, const std::string& why)> on_aborted;
};

class Listener {
public:
    virtual ~Listener() = default;
    virtual std::uint16_t port() const = 0; // the real one when ListenOptions::port was 0
    // Accepts no more, ends unfinished upgrades and calls no handler from then on; open streams
    // stay. Destruction does the same.
    virtual void stop() = 0;
};

// Errors: a port in use (Errc::exists), unreadable or mismatching certificate files.
Result<std::unique_ptr<Listener>> listen(Reactor& reactor, const ListenOptions& options,
                                         ListenHandlers handlers, Log log);

struct ConnectOptions {
    std::string url;                 // ws://host:port[/path] or wss://host:port[/path]
    bool verify_certificate = false; // nodes use self-signed certificates; identity is the node key
    std::string ca_file;             // PEM, with verify_certificate; empty: system store
    std::string proxy; // socks5://host:port or http://host:port (CONNECT); empty: none
    bool tls13_only = false;
    std::size_t message_bytes_max = 0;
    std::size_t send_queue_bytes_max = 0;
    std::int64_t timeout_ms = 0;       // DNS, TCP, TLS and upgrade together
    std::int64_t ping_interval_ms = 0; // as in ListenOptions; 0: no pings
};

// Calls `on_done` exactly once. Call start() on the stream inside it.
void connect(Reactor& reactor, const ConnectOptions& options,
             std::function<void(Result<std::shared_ptr<Stream>>)> on_done);

} // namespace hp::net
