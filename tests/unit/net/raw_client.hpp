// SPDX-License-Identifier: Apache-2.0
// A blocking client that speaks the wire byte by byte, so that tests can do what a well-behaved
// library would not: half requests, single fragments, silence. Any one thread.
#pragma once

#include <algorithm>
#include <array>
#include <csignal>
#include <memory>
#include <string>

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "hp/base/bytes.hpp"
#include "hp/os/fd.hpp"

namespace hp::net::test {

struct Frame {
    int opcode = -1; // -1: the connection ended instead
    bool fin = false;
    std::string payload;

    int close_code() const {
        const ByteView bytes = as_bytes(payload);
        return bytes.size() < 2 ? 0 : bytes[0] * 256 + bytes[1];
    }
    std::string close_reason() const { return payload.size() < 2 ? "" : payload.substr(2); }
};

enum class Transport { plain, tls, tls12_only };

class RawClient {
public:
    RawClient() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        std::signal(SIGPIPE, SIG_IGN); // OpenSSL's own socket writes
        const timeval limit{10, 0};
        setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }
    explicit RawClient(std::uint16_t port, Transport transport = Transport::plain) : RawClient() {
        connect_to(port);
        if (transport != Transport::plain) {
            start_tls(transport);
        }
    }
    ~RawClient() {
        SSL_free(ssl_);
        SSL_CTX_free(context_);
    }
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    void connect_to(std::uint16_t port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        sockaddr generic{};
        static_assert(sizeof generic == sizeof address);
        std::memcpy(&generic, &address, sizeof address);
        REQUIRE(::connect(fd_.get(), &generic, sizeof generic) == 0);
    }

    static bool can_connect(std::uint16_t port, Transport transport) {
        RawClient client;
        client.connect_to(port);
        return client.try_tls(transport);
    }

    void start_tls(Transport transport) { REQUIRE(try_tls(transport)); }

    bool try_tls(Transport transport) {
        context_ = SSL_CTX_new(TLS_client_method());
        if (transport == Transport::tls12_only) {
            SSL_CTX_set_max_proto_version(context_, TLS1_2_VERSION);
        }
        ssl_ = SSL_new(context_);
        SSL_set_fd(ssl_, fd_.get());
        return SSL_connect(ssl_) == 1;
    }

    std::string tls_version() const { return SSL_get_version(ssl_); }

    bool send_text(std::string_view text) {
        while (!text.empty()) {
            const ssize_t count = ssl_ != nullptr
                                      ? SSL_write(ssl_, text.data(), static_cast<int>(text.size()))
                                      : ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
            if (count <= 0) {
                return false;
            }
            text.remove_prefix(static_cast<std::size_t>(count));
        }
        return true;
    }

    // Up to `count` bytes: fewer when the connection ended or was silent for 10 s.
    std::string read(std::size_t count) {
        while (buffer_.size() < count) {
            std::array<char, 65536> chunk{};
            const ssize_t got = ssl_ != nullptr
                                    ? SSL_read(ssl_, chunk.data(), static_cast<int>(chunk.size()))
                                    : ::recv(fd_.get(), chunk.data(), chunk.size(), 0);
            if (got <= 0) {
                break;
            }
            buffer_.append(chunk.data(), static_cast<std::size_t>(got));
        }
        const std::string out = buffer_.substr(0, count);
        buffer_.erase(0, out.size());
        return out;
    }

    bool at_end() { return read(1).empty(); }

    std::string read_head() {
        std::string head;
        while (!head.ends_with("\r\n\r\n")) {
            const std::string more = read(1);
            if (more.empty()) {
                break;
            }
            head += more;
        }
        return head;
    }

    static std::string request(const std::string& path = "/", const std::string& more = "") {
        return "GET " + path +
               " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
               more + "\r\n";
    }

    // The answer to request(), whole: RFC 6455's own example key.
    static std::string expected_response() {
        return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nConnection: Upgrade\r\n\r\n";
    }

    void upgrade() {
        REQUIRE(send_text(request()));
        REQUIRE(read_head() == expected_response());
    }

    static std::string frame(int opcode, const std::string& payload, bool fin = true) {
        std::string out;
        out += static_cast<char>((fin ? 0x80 : 0) | opcode);
        if (payload.size() < 126) {
            out += static_cast<char>(0x80 | payload.size());
        } else if (payload.size() < 65536) {
            out += static_cast<char>(0x80 | 126);
            append_big_endian(out, payload.size(), 2);
        } else {
            out += static_cast<char>(0x80 | 127);
            append_big_endian(out, payload.size(), 8);
        }
        const std::array<char, 4> mask = {0x12, 0x34, 0x56, 0x78};
        out.append(mask.data(), mask.size());
        for (std::size_t i = 0; i < payload.size(); ++i) {
            out += static_cast<char>(payload[i] ^ mask[i % 4]);
        }
        return out;
    }

    static std::string close_payload(int code, const std::string& reason) {
        std::string out;
        append_big_endian(out, static_cast<std::size_t>(code), 2);
        return out + reason;
    }

    bool send_frame(int opcode, const std::string& payload, bool fin = true) {
        return send_text(frame(opcode, payload, fin));
    }

    Frame read_frame() {
        const std::string head = read(2);
        if (head.size() < 2) {
            return {};
        }
        const ByteView bytes = as_bytes(head);
        Frame out;
        out.opcode = bytes[0] & 0x0f;
        out.fin = (bytes[0] & 0x80) != 0;
        REQUIRE((bytes[1] & 0x80) == 0); // servers do not mask
        std::size_t size = bytes[1];
        if (size >= 126) {
            const std::string extended = read(size == 126 ? 2 : 8);
            size = 0;
            for (const std::uint8_t byte : as_bytes(extended)) {
                size = size * 256 + byte;
            }
        }
        out.payload = read(size);
        return out.payload.size() == size ? out : Frame{};
    }

    int fd() const { return fd_.get(); }

private:
    static void append_big_endian(std::string& out, std::size_t value, int count) {
        for (int i = count - 1; i >= 0; --i) {
            out += static_cast<char>(value >> (8 * i));
        }
    }

    os::Fd fd_;
    SSL_CTX* context_ = nullptr;
    SSL* ssl_ = nullptr;
    std::string buffer_;
};

} // namespace hp::net::test
