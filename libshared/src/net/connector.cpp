// SPDX-License-Identifier: Apache-2.0
// Connecting to a message stream: URL, name resolution, TCP, proxy, TLS, upgrade, all under one
// deadline. Reactor thread only.
#include "hp/net/message_stream.hpp"

#include "openssl.hpp"
#include "proxy.hpp"
#include "reactor_impl.hpp"
#include "websocket.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/connect.hpp>
#include <boost/asio/post.hpp>

namespace hp::net {
namespace {

using Resolver = asio::ip::basic_resolver<Tcp, Executor>;

struct Url {
    bool tls = false;
    std::string host; // a name or a numeric address, without brackets
    std::uint16_t port = 0;
    std::string authority; // as written: host:port
    std::string target;    // path and query
};

bool take_prefix(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) {
        return false;
    }
    text.remove_prefix(prefix.size());
    return true;
}

// "host" or "[address]": the brackets are what lets an IPv6 address have colons.
std::optional<std::string_view> decode_host(std::string_view text) {
    const bool bracketed = text.starts_with('[');
    if (bracketed) {
        if (!text.ends_with(']')) {
            return std::nullopt;
        }
        text = text.substr(1, text.size() - 2);
    }
    const bool has_colon = text.find(':') != std::string_view::npos;
    const bool clean = text.find_first_of("[]@?#") == std::string_view::npos;
    if (text.empty() || !clean || has_colon != bracketed) {
        return std::nullopt;
    }
    return text;
}

std::optional<std::uint16_t> decode_port(std::string_view text) {
    std::uint16_t port = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, port);
    if (error != std::errc() || rest != end || port == 0) {
        return std::nullopt;
    }
    return port;
}

// host:port, with brackets around IPv6.
struct Address {
    std::string host;
    std::uint16_t port = 0;
};
std::optional<Address> decode_authority(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    const auto host = decode_host(text.substr(0, colon));
    const auto port = decode_port(text.substr(colon + 1));
    return host && port ? std::optional(Address{std::string(*host), *port}) : std::nullopt;
}

Result<Url> decode_url(const std::string& text) {
    const auto invalid = fail(Errc::invalid, "not of the form ws[s]://host:port[/path]: " + text);
    const bool printable =
        std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
    std::string_view rest = text;
    Url url;
    url.tls = take_prefix(rest, "wss://");
    if (!printable || (!url.tls && !take_prefix(rest, "ws://"))) {
        return invalid;
    }
    const std::size_t slash = rest.find('/');
    url.authority = rest.substr(0, slash);
    url.target = slash == std::string_view::npos ? "/" : rest.substr(slash);
    auto address = decode_authority(url.authority);
    if (!address) {
        return invalid;
    }
    url.host = std::move(address->host);
    url.port = address->port;
    return url;
}

class Connector : public std::enable_shared_from_this<Connector> {
public:
    Connector(asio::io_context& io, ConnectOptions options, OnUpgraded on_done)
        : options_(std::move(options)), on_done_(std::move(on_done)), resolver_(io.get_executor()),
          socket_(io.get_executor()), deadline_(io.get_executor()) {}

    void begin() {
        auto url = decode_url(options_.url);
        if (!url) {
            end_later(std::move(url.error()));
            return;
        }
        url_ = std::move(*url);
        next_ = {url_.host, url_.port};
        if (!options_.proxy.empty() && !take_proxy()) {
            end_later({Errc::invalid, "not of the form socks5://host:port or http://host:port: " +
                                          options_.proxy});
            return;
        }
        if (options_.verify_certificate && !url_.tls) {
            end_later({Errc::invalid, "a certificate can be verified only with wss://"});
            return;
        }
        if (url_.tls) {
            if (auto made = make_ssl(); !made) {
                end_later(std::move(made.error()));
                return;
            }
        }
        deadline_.expires_after(std::chrono::milliseconds(options_.timeout_ms));
        deadline_.async_wait([self = shared_from_this()](const ErrorCode& error) {
            if (!error) {
                self->end(fail(Errc::timeout, "no connection to " + self->url_.authority + " in " +
                                                  std::to_string(self->options_.timeout_ms) +
                                                  " ms"));
            }
        });
        find_address();
    }

private:
    // Then that is where the connection goes first.
    bool take_proxy() {
        std::string_view rest = options_.proxy;
        const bool socks = take_prefix(rest, "socks5://");
        if (!socks && !take_prefix(rest, "http://")) {
            return false;
        }
        auto address =
            decode_authority(rest.ends_with('/') ? rest.substr(0, rest.size() - 1) : rest);
        if (!address) {
            return false;
        }
        next_ = std::move(*address);
        proxy_ = socks ? ProxyKind::socks5 : ProxyKind::http;
        return true;
    }

    Status make_ssl() {
        HP_TRY(context_, make_client_context(options_.verify_certificate, options_.ca_file,
                                             options_.tls13_only));
        HP_TRY(ssl_, make_client_ssl(*context_, url_.host));
        return {};
    }

    void find_address() {
        ErrorCode not_numeric;
        const auto address = asio::ip::make_address(next_.host, not_numeric);
        if (!not_numeric) {
            connect_tcp({Tcp::endpoint(address, next_.port)});
            return;
        }
        resolver_.async_resolve(
            next_.host, std::to_string(next_.port),
            [self = shared_from_this()](const ErrorCode& error,
                                        const Resolver::results_type& results) {
                if (error) {
                    self->end(fail(Errc::io,
                                   "cannot resolve " + self->next_.host + ": " + error.message()));
                    return;
                }
                self->connect_tcp({results.begin(), results.end()});
            });
    }

    void connect_tcp(std::vector<Tcp::endpoint> endpoints) {
        if (!on_done_) {
            return; // too late
        }
        endpoints_ = std::move(endpoints);
        asio::async_connect(
            socket_, endpoints_,
            [self = shared_from_this()](const ErrorCode& error, const Tcp::endpoint& endpoint) {
                if (error) {
                    self->end(fail(
                        Errc::io, "cannot connect to " +
                                      (self->proxy_ ? self->options_.proxy : self->url_.authority) +
                                      ": " + error.message()));
                    return;
                }
                self->remote_host_ = endpoint.address().to_string();
                self->proxy_ ? self->ask_proxy() : self->start_tls();
            });
    }

    void ask_proxy() {
        if (!on_done_) {
            return;
        }
        pass_proxy(socket_, *proxy_, {url_.host, url_.port, url_.authority},
                   [self = shared_from_this()](const Status& passed) {
                       passed ? self->start_tls() : self->end(tl::unexpected(passed.error()));
                   });
    }

    void start_tls() {
        if (!on_done_) {
            return;
        }
        stream_ = std::make_unique<ByteStream>(std::move(socket_), std::move(ssl_));
        aborter_ = stream_->aborter();
        stream_->async_handshake([self = shared_from_this()](const ErrorCode& error) {
            if (error) {
                self->end(fail(self->tls_error(error)));
                return;
            }
            self->upgrade();
        });
    }

    Error tls_error(const ErrorCode& error) const {
        const std::string doing = "TLS with " + url_.authority + ": ";
        const std::string problem = stream_->certificate_problem();
        if (!problem.empty()) {
            return {Errc::denied, doing + "certificate refused: " + problem};
        }
        return {Errc::io, doing + stream_->describe(error)};
    }

    void upgrade() {
        if (!on_done_) {
            return;
        }
        StreamSettings settings{remote_host_, options_.message_bytes_max,
                                options_.send_queue_bytes_max, options_.ping_interval_ms};
        upgrade_client(std::move(*stream_), url_.authority, url_.target, std::move(settings),
                       [self = shared_from_this()](Result<std::shared_ptr<Stream>> result) {
                           self->end(std::move(result));
                       });
    }

    // Never from inside connect().
    void end_later(Error error) {
        asio::post(socket_.get_executor(),
                   [self = shared_from_this(), error = std::move(error)]() mutable {
                       self->end(fail(std::move(error)));
                   });
    }

    void end(Result<std::shared_ptr<Stream>> result) {
        if (!on_done_) {
            return;
        }
        const OnUpgraded on_done = std::exchange(on_done_, nullptr);
        deadline_.cancel();
        if (!result) {
            resolver_.cancel();
            ErrorCode ignored;
            socket_.close(ignored);
            aborter_();
        }
        on_done(std::move(result));
    }

    ConnectOptions options_;
    OnUpgraded on_done_; // empty once called
    Url url_;
    Address next_; // where to connect first: the server or its proxy
    std::optional<ProxyKind> proxy_;
    SslContextPtr context_;
    SslPtr ssl_;
    Resolver resolver_;
    std::vector<Tcp::endpoint> endpoints_;
    TcpSocket socket_;
    std::string remote_host_;
    std::unique_ptr<ByteStream> stream_;
    ByteStream::Aborter aborter_;
    SteadyTimer deadline_;
};

} // namespace

void connect(Reactor& reactor, const ConnectOptions& options,
             std::function<void(Result<std::shared_ptr<Stream>>)> on_done) {
    std::make_shared<Connector>(reactor.impl().io, options, std::move(on_done))->begin();
}

} // namespace hp::net
