// SPDX-License-Identifier: Apache-2.0
// Accepting connections. Every accepted socket goes its own way (TLS, HTTP head, upgrade) under
// one deadline, so a slow or silent peer holds up nobody. Reactor thread only.
#include "hp/net/message_stream.hpp"

#include "hp/base/check.hpp"
#include "hp/base/limits.hpp"

#include "openssl.hpp"
#include "reactor_impl.hpp"
#include "websocket.hpp"

#include <array>
#include <chrono>
#include <map>
#include <string_view>
#include <utility>

#include <boost/asio/ip/v6_only.hpp>

namespace hp::net {
namespace {

constexpr std::string_view head_end = "\r\n\r\n";

// Bans are by address: one that reached a dual-stack socket must look as it does on IPv4.
std::string host_text(const asio::ip::address& address) {
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
        return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
    }
    return address.to_string();
}

// One accepted socket until it is a Stream.
class Setup : public std::enable_shared_from_this<Setup> {
public:
    using OnDone = std::function<void(Result<std::shared_ptr<Stream>>)>;

    Setup(ByteStream stream, StreamSettings settings, OnDone on_done)
        : stream_(std::move(stream)), aborter_(stream_.aborter()), settings_(std::move(settings)),
          deadline_(stream_.get_executor()), on_done_(std::move(on_done)) {}

    void begin(std::int64_t timeout_ms) {
        deadline_.expires_after(std::chrono::milliseconds(timeout_ms));
        deadline_.async_wait([self = shared_from_this()](const ErrorCode& error) {
            if (!error) {
                self->end(fail(Errc::timeout, "TLS and upgrade took too long"));
            }
        });
        stream_.async_handshake([self = shared_from_this()](const ErrorCode& error) {
            if (error) {
                self->end(fail(Errc::io, "TLS handshake: " + self->stream_.describe(error)));
                return;
            }
            self->read_head();
        });
    }

    // Ends it without a word to anybody.
    void abandon() {
        on_done_ = nullptr;
        deadline_.cancel();
        aborter_();
    }

private:
    void read_head() {
        if (!on_done_) {
            return;
        }
        stream_.async_read_some(
            asio::buffer(chunk_),
            [self = shared_from_this()](const ErrorCode& error, std::size_t count) {
                if (error) {
                    self->end(fail(Errc::io, "HTTP head: " + self->stream_.describe(error)));
                    return;
                }
                self->on_head_bytes(count);
            });
    }

    void on_head_bytes(std::size_t count) {
        const std::size_t searched = head_.size() - std::min(head_.size(), head_end.size() - 1);
        head_.append(as_text(ByteView(chunk_).first(count)));
        const std::size_t found = head_.find(head_end, searched);
        const std::size_t size = found + head_end.size();
        if (found == std::string::npos && head_.size() < limits::http_head_bytes_max) {
            read_head();
        } else if (found == std::string::npos || size > limits::http_head_bytes_max) {
            end(fail(Errc::too_large, "HTTP head over the limit"));
        } else {
            // A hasty client's first frames may be here already.
            stream_.unread(as_bytes(std::string_view(head_).substr(size)));
            head_.resize(size);
            upgrade_server(std::move(stream_), head_, std::move(settings_),
                           [self = shared_from_this()](Result<std::shared_ptr<Stream>> result) {
                               self->end(std::move(result));
                           });
        }
    }

    void end(Result<std::shared_ptr<Stream>> result) {
        if (!on_done_) {
            return;
        }
        const OnDone on_done = std::exchange(on_done_, nullptr);
        deadline_.cancel();
        if (!result && result.err().code != Errc::invalid) {
            aborter_(); // a refused upgrade still has its answer to deliver
        }
        on_done(std::move(result));
    }

    ByteStream stream_; // moved from once the upgrade has begun
    ByteStream::Aborter aborter_;
    StreamSettings settings_;
    SteadyTimer deadline_;
    OnDone on_done_; // empty once called or abandoned
    std::array<std::uint8_t, 1024> chunk_;
    std::string head_;
};

// Kept alive by the pending accept; the Listener that callers hold only points here.
class Acceptor : public std::enable_shared_from_this<Acceptor> {
public:
    Acceptor(asio::io_context& io, ListenOptions options, ListenHandlers handlers, Log log)
        : acceptor_(io.get_executor()), retry_(io.get_executor()), options_(std::move(options)),
          handlers_(std::move(handlers)), log_(std::move(log)) {}

    Status open() {
        if (options_.tls) {
            HP_TRY(tls_, make_server_context(*options_.tls, options_.tls13_only));
        }
        ErrorCode error;
        const auto address = asio::ip::make_address(options_.address, error);
        if (error) {
            return fail(Errc::invalid, "not a numeric address: " + options_.address);
        }
        const Tcp::endpoint endpoint(address, options_.port);
        acceptor_.open(endpoint.protocol(), error);
        if (!error) {
            acceptor_.set_option(TcpAcceptor::reuse_address(true), error);
        }
        if (!error && address.is_v6()) {
            acceptor_.set_option(asio::ip::v6_only(false), error); // "::" means everybody
        }
        if (!error) {
            acceptor_.bind(endpoint, error);
        }
        if (!error) {
            acceptor_.listen(asio::socket_base::max_listen_connections, error);
        }
        if (!error) {
            port_ = acceptor_.local_endpoint(error).port();
        }
        if (error) {
            return fail(listen_error(error));
        }
        return {};
    }

    std::uint16_t port() const { return port_; }

    void accept_next() {
        acceptor_.async_accept(
            [self = shared_from_this()](const ErrorCode& error, TcpSocket socket) {
                if (self->stopped_) {
                    return;
                }
                if (error) {
                    self->on_accept_error(error);
                    return;
                }
                self->on_accepted(std::move(socket));
                if (!self->stopped_) {
                    self->accept_next();
                }
            });
    }

    void stop() {
        stopped_ = true;
        ErrorCode ignored;
        acceptor_.close(ignored);
        retry_.cancel();
        for (const auto& [number, weak] : std::exchange(setups_, {})) {
            if (const auto setup = weak.lock()) {
                setup->abandon();
            }
        }
    }

private:
    Error listen_error(const ErrorCode& error) const {
        const std::string doing =
            "cannot listen on " + options_.address + " port " + std::to_string(options_.port);
        if (error == asio::error::address_in_use) {
            return Error{Errc::exists, doing + ": " + error.message()};
        }
        return errno_error(doing, error.value());
    }

    // Most likely out of descriptors. What is in the kernel's backlog waits with us.
    void on_accept_error(const ErrorCode& error) {
        const std::string text = error.message();
        if (const auto dropped = log_limiter_.admit(text, SystemClock().now().mono_ms())) {
            log_.warning("cannot accept connections for a moment",
                         {{"error", text}, {"unlogged", *dropped}});
        }
        retry_.expires_after(std::chrono::milliseconds(limits::accept_backoff_ms));
        retry_.async_wait([self = shared_from_this()](const ErrorCode& wait_error) {
            if (!wait_error && !self->stopped_) {
                self->accept_next();
            }
        });
    }

    void on_accepted(TcpSocket socket) {
        ErrorCode error;
        const Tcp::endpoint remote = socket.remote_endpoint(error);
        if (error) {
            return; // gone already
        }
        const std::string host = host_text(remote.address());
        if (!handlers_.admit(host) || stopped_) {
            return;
        }
        SslPtr ssl;
        if (tls_) {
            auto made = make_server_ssl(*tls_);
            if (!made) {
                handlers_.on_aborted(host, made.err().context);
                return;
            }
            ssl = std::move(*made);
        }
        const StreamSettings settings{host, options_.message_bytes_max,
                                      options_.send_queue_bytes_max, options_.ping_interval_ms};
        const std::uint64_t number = ++last_setup_;
        const auto setup = std::make_shared<Setup>(
            ByteStream(std::move(socket), std::move(ssl)), settings,
            [self = shared_from_this(), number, host](Result<std::shared_ptr<Stream>> result) {
                self->on_set_up(number, host, std::move(result));
            });
        setups_.emplace(number, setup);
        setup->begin(options_.setup_timeout_ms);
    }

    void on_set_up(std::uint64_t number, const std::string& host,
                   Result<std::shared_ptr<Stream>> result) {
        setups_.erase(number);
        if (result) {
            handlers_.on_stream(std::move(*result));
        } else {
            handlers_.on_aborted(host, result.err().context);
        }
    }

    TcpAcceptor acceptor_;
    SteadyTimer retry_;
    ListenOptions options_;
    ListenHandlers handlers_;
    Log log_;
    LogLimiter log_limiter_;
    SslContextPtr tls_;
    std::uint16_t port_ = 0;
    bool stopped_ = false;
    std::uint64_t last_setup_ = 0;
    std::map<std::uint64_t, std::weak_ptr<Setup>> setups_;
};

class AcceptorHandle final : public Listener {
public:
    explicit AcceptorHandle(std::shared_ptr<Acceptor> acceptor) : acceptor_(std::move(acceptor)) {}
    ~AcceptorHandle() override { acceptor_->stop(); }
    std::uint16_t port() const override { return acceptor_->port(); }
    void stop() override { acceptor_->stop(); }

private:
    std::shared_ptr<Acceptor> acceptor_;
};

} // namespace

Result<std::unique_ptr<Listener>> listen(Reactor& reactor, const ListenOptions& options,
                                         ListenHandlers handlers, Log log) {
    const auto acceptor =
        std::make_shared<Acceptor>(reactor.impl().io, options, std::move(handlers), std::move(log));
    HP_TRY_STATUS(acceptor->open());
    acceptor->accept_next();
    return std::make_unique<AcceptorHandle>(acceptor);
}

} // namespace hp::net
