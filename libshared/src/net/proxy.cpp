// SPDX-License-Identifier: Apache-2.0
#include "proxy.hpp"

#include "hp/base/bytes.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <utility>

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

namespace hp::net {
namespace {

constexpr std::size_t http_head_bytes_max = 8192;
constexpr std::uint8_t socks_version = 5;

// What SOCKS5 servers answer (RFC 1928, section 6).
std::string socks_problem(std::uint8_t code) {
    constexpr std::array words = {"general failure",       "not allowed",
                                  "network unreachable",   "host unreachable",
                                  "connection refused",    "time to live expired",
                                  "command not supported", "address type not supported"};
    return code >= 1 && code <= words.size() ? words[code - 1U] : "code " + std::to_string(code);
}

class Negotiation : public std::enable_shared_from_this<Negotiation> {
public:
    Negotiation(TcpSocket& socket, ProxyTarget target, std::function<void(Status)> on_done)
        : socket_(socket), target_(std::move(target)), on_done_(std::move(on_done)) {}

    void begin_socks() {
        exchange({socks_version, 1, 0}, 2, [this](std::span<const std::uint8_t> reply) {
            if (reply[0] != socks_version || reply[1] != 0) {
                end(fail(Errc::denied, "the proxy wants another protocol or a password"));
                return;
            }
            ask_socks();
        });
    }

    void begin_http() {
        const std::string request =
            "CONNECT " + target_.authority + " HTTP/1.1\r\nHost: " + target_.authority + "\r\n\r\n";
        exchange(to_bytes(request), 1,
                 [this](std::span<const std::uint8_t> byte) { on_http(byte); });
    }

private:
    using OnReply = std::function<void(std::span<const std::uint8_t>)>;

    // Sends, then reads exactly so many bytes.
    void exchange(Bytes message, std::size_t reply_bytes, OnReply on_reply) {
        out_ = std::move(message);
        asio::async_write(socket_, asio::buffer(out_),
                          [self = shared_from_this(), reply_bytes, on_reply = std::move(on_reply)](
                              const ErrorCode& error, std::size_t) mutable {
                              error ? self->end(self->broken(error))
                                    : self->read(reply_bytes, std::move(on_reply));
                          });
    }

    void read(std::size_t bytes, OnReply on_reply) {
        in_.resize(bytes);
        asio::async_read(socket_, asio::buffer(in_),
                         [self = shared_from_this(),
                          on_reply = std::move(on_reply)](const ErrorCode& error, std::size_t) {
                             if (error) {
                                 self->end(self->broken(error));
                                 return;
                             }
                             const Bytes reply = self->in_; // reading on changes it
                             on_reply(reply);
                         });
    }

    void ask_socks() {
        Bytes request = {socks_version, 1, 0};
        ErrorCode not_numeric;
        const auto address = asio::ip::make_address(target_.host, not_numeric);
        if (not_numeric) {
            if (target_.host.size() > 255) {
                end(fail(Errc::invalid, "a name too long for the proxy"));
                return;
            }
            append(request, Bytes{3, static_cast<std::uint8_t>(target_.host.size())});
            append(request, as_bytes(target_.host));
        } else if (address.is_v4()) {
            request.push_back(1);
            append(request, address.to_v4().to_bytes());
        } else {
            request.push_back(4);
            append(request, address.to_v6().to_bytes());
        }
        request.push_back(static_cast<std::uint8_t>(target_.port >> 8U));
        request.push_back(static_cast<std::uint8_t>(target_.port & 0xffU));
        // The first five bytes tell how long the rest is.
        exchange(std::move(request), 5, [this](std::span<const std::uint8_t> reply) {
            if (reply[0] != socks_version || reply[1] != 0) {
                end(fail(Errc::io, "the proxy cannot connect to " + target_.authority + ": " +
                                       socks_problem(reply[1])));
                return;
            }
            const std::size_t address_bytes = reply[3] == 1   ? 4U
                                              : reply[3] == 4 ? 16U
                                                              : reply[4] + 1U;
            read(address_bytes + 2 - 1, [this](auto) { end({}); });
        });
    }

    // Byte by byte: what follows the head is the target's.
    void on_http(std::span<const std::uint8_t> byte) {
        head_ += static_cast<char>(byte[0]);
        if (head_.size() > http_head_bytes_max) {
            end(fail(Errc::too_large, "the proxy's answer has no end"));
        } else if (!head_.ends_with("\r\n\r\n")) {
            read(1, [this](std::span<const std::uint8_t> next) { on_http(next); });
        } else if (head_.starts_with("HTTP/1.") && head_.substr(8, 2) == " 2") {
            end({});
        } else {
            const std::string line = head_.substr(0, std::min<std::size_t>(head_.find('\r'), 100));
            end(fail(Errc::denied, "the proxy refuses: " + line));
        }
    }

    Status broken(const ErrorCode& error) const {
        return fail(Errc::io, "the proxy ended the connection: " + error.message());
    }

    void end(Status status) {
        if (on_done_) {
            std::exchange(on_done_, nullptr)(std::move(status));
        }
    }

    TcpSocket& socket_;
    const ProxyTarget target_;
    std::function<void(Status)> on_done_;
    Bytes out_;
    Bytes in_;
    std::string head_;
};

} // namespace

void pass_proxy(TcpSocket& socket, ProxyKind kind, const ProxyTarget& target,
                std::function<void(Status)> on_done) {
    const auto negotiation = std::make_shared<Negotiation>(socket, target, std::move(on_done));
    kind == ProxyKind::socks5 ? negotiation->begin_socks() : negotiation->begin_http();
}

} // namespace hp::net
