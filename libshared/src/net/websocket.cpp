// SPDX-License-Identifier: Apache-2.0
// Stream over Boost.Beast's WebSocket. Beast does the handshakes, frames, masks and control
// frames; this file adds the send queue, back-pressure, idle pings, and an orderly end.
// Beast is slow to compile: keep it out of every other file. Reactor thread only.
#include "websocket.hpp"

#include "hp/base/check.hpp"
#include "hp/base/limits.hpp"

#include <array>
#include <chrono>
#include <deque>
#include <string_view>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

namespace hp::net {

namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;

// Beast finds these two by argument-dependent lookup: how it ends a connection after the last
// frame, and how when it wants it gone.
template <class Handler>
void async_teardown(beast::role_type, ByteStream& stream, Handler&& handler) {
    stream.linger();
    // An empty write completes at once and from the event loop, which is what Beast expects.
    stream.async_write_some(asio::const_buffer(),
                            [handler = std::forward<Handler>(handler)](
                                const ErrorCode&, std::size_t) mutable { handler(ErrorCode()); });
}

void beast_close_socket(ByteStream& stream) {
    stream.abort();
}

namespace {

using Steady = std::chrono::steady_clock;
using BeastStream = websocket::stream<ByteStream, false>; // false: no permessage-deflate

constexpr std::uint16_t code_none = 1005;     // RFC 6455 7.1.5: a close frame without a code
constexpr std::uint16_t code_abnormal = 1006; // no close frame
constexpr std::uint16_t code_bad_payload = 1007;
constexpr std::size_t close_reason_bytes_max = 123; // RFC 6455 5.5: 125 with the code
constexpr std::size_t chunk_bytes = 4096;

constexpr std::string_view upgrade_required = "HTTP/1.1 426 Upgrade Required\r\n"
                                              "Upgrade: websocket\r\n"
                                              "Connection: close\r\n"
                                              "Content-Type: text/plain\r\n"
                                              "Content-Length: 33\r\n"
                                              "\r\n"
                                              "This port speaks only WebSocket.\n";

class WsStream final : public Stream, public std::enable_shared_from_this<WsStream> {
public:
    WsStream(ByteStream stream, StreamSettings settings);

    void accept(const http::request<http::empty_body>& request, OnUpgraded on_done);
    void connect(const std::string& authority, const std::string& target, OnUpgraded on_done);

    void start(std::function<void(Bytes)> on_message,
               std::function<void(CloseInfo)> on_close) override;
    void send(SharedBytes message) override;
    void close(CloseCode code, std::string reason) override;
    void pause_reading(bool paused) override;
    const std::string& remote_host() const override { return settings_.remote_host; }
    std::size_t queued_bytes() const override { return queued_bytes_ + bytes().unsent_bytes(); }
    const std::string& peer_certificate_sha256() const override { return certificate_sha256_; }
    const Bytes& channel_binding() const override { return channel_binding_; }
    void on_drained(std::function<void()> handler) override { on_drained_ = std::move(handler); }
    void limit_messages(std::size_t bytes_max) override { ws_.read_message_max(bytes_max); }

private:
    enum class State {
        open,
        draining, // close() was called; the queue is still being sent
        closing,  // our close frame is on its way
        closed,   // on_close was called
    };

    ByteStream& bytes() { return ws_.next_layer(); }
    const ByteStream& bytes() const { return ws_.next_layer(); }

    void advance_reading();
    void on_read(const ErrorCode& error, std::size_t count);
    void on_read_error(const ErrorCode& error);
    CloseInfo describe_end(const ErrorCode& error) const;
    void advance_sending();
    void on_written(const ErrorCode& error, std::size_t message_bytes);
    void drop_queue();
    void wait_until(Steady::time_point deadline);
    void on_timer();
    void check_idle();
    void finish(CloseInfo info);
    void report_end();

    BeastStream ws_;
    StreamSettings settings_;
    std::string certificate_sha256_;
    Bytes channel_binding_;
    State state_ = State::open;
    std::function<void(Bytes)> on_message_;
    std::function<void(CloseInfo)> on_close_;
    std::function<void()> on_drained_;

    std::array<std::uint8_t, chunk_bytes> chunk_;
    Bytes message_;
    bool message_ready_ = false; // message_ is whole and waits to be delivered
    bool started_ = false;
    bool reading_ = false;
    bool delivering_ = false;
    bool paused_ = false;

    std::deque<SharedBytes> queue_; // without the message being written
    std::size_t queued_bytes_ = 0;  // with it
    bool writing_ = false;

    CloseInfo local_close_; // what we were asked to close with
    CloseInfo end_;         // what on_close is told
    SteadyTimer timer_;     // idle check while open, then the deadline of the close
    Steady::time_point resumed_;
    bool pinging_ = false;
};

WsStream::WsStream(ByteStream stream, StreamSettings settings)
    : ws_(std::move(stream)), settings_(std::move(settings)),
      certificate_sha256_(bytes().peer_certificate_sha256()),
      channel_binding_(bytes().channel_binding()), timer_(ws_.get_executor()),
      resumed_(Steady::now()) {
    HP_CHECK(settings_.message_bytes_max > 0 && settings_.send_queue_bytes_max > 0,
             "message streams have limits");
    ws_.read_message_max(settings_.message_bytes_max);
    ws_.auto_fragment(false); // one frame a message: the simplest thing a client can meet
    ws_.binary(true);
}

// --- upgrade -----------------------------------------------------------------------------------

// Beast always names itself in a Server header. The protocol's answer has three headers.
void remove_server_header(Bytes& response) {
    constexpr std::string_view name = "\r\nServer: ";
    const std::string_view text = as_text(response);
    const std::size_t begin = text.find(name);
    if (begin == std::string_view::npos) {
        return;
    }
    const std::size_t end = text.find("\r\n", begin + name.size());
    response.erase(response.begin() + static_cast<std::ptrdiff_t>(begin),
                   response.begin() + static_cast<std::ptrdiff_t>(end));
}

void WsStream::accept(const http::request<http::empty_body>& request, OnUpgraded on_done) {
    ws_.set_option(websocket::stream_base::decorator([](websocket::response_type& response) {
        response.set(http::field::connection, "Upgrade"); // as the reference spells it
    }));
    bytes().hold_output();
    ws_.async_accept(
        request, [self = shared_from_this(), on_done = std::move(on_done)](const ErrorCode& error) {
            if (error == asio::error::operation_aborted) {
                on_done(fail(Errc::closed, "the connection ended during the upgrade"));
                return;
            }
            self->bytes().release_output(remove_server_header);
            if (error) { // Beast has answered with 400 and the reason
                self->bytes().linger();
                on_done(fail(Errc::invalid, "WebSocket upgrade: " + error.message()));
                return;
            }
            on_done(self);
        });
}

void WsStream::connect(const std::string& authority, const std::string& target,
                       OnUpgraded on_done) {
    ws_.async_handshake(
        authority, target,
        [self = shared_from_this(), on_done = std::move(on_done)](const ErrorCode& error) {
            if (error) {
                on_done(fail(Errc::io, "WebSocket upgrade: " + self->bytes().describe(error)));
                return;
            }
            on_done(self);
        });
}

// --- reading -----------------------------------------------------------------------------------

void WsStream::start(std::function<void(Bytes)> on_message,
                     std::function<void(CloseInfo)> on_close) {
    HP_CHECK(!started_, "a stream is started once");
    started_ = true;
    on_message_ = std::move(on_message);
    on_close_ = std::move(on_close);
    if (state_ == State::closed) {
        asio::post(ws_.get_executor(), [self = shared_from_this()] { self->report_end(); });
    }
    if (state_ != State::open) {
        return;
    }
    // The pending timer also keeps the stream alive until on_close, whatever else is pending.
    const std::chrono::milliseconds interval(settings_.ping_interval_ms);
    wait_until(interval.count() > 0 ? Steady::now() + interval : Steady::time_point::max());
    advance_reading();
}

void WsStream::pause_reading(bool paused) {
    if (paused_ == paused) {
        return;
    }
    paused_ = paused;
    if (!paused) {
        resumed_ = Steady::now();
        // Later, because the caller may be inside on_message.
        asio::post(ws_.get_executor(), [self = shared_from_this()] { self->advance_reading(); });
    }
}

// The one place that decides what the reading side does next.
void WsStream::advance_reading() {
    const bool listening = state_ == State::open || state_ == State::draining;
    if (!started_ || reading_ || delivering_ || paused_ || !listening) {
        return;
    }
    if (message_ready_) {
        message_ready_ = false;
        Bytes message = std::exchange(message_, Bytes());
        if (state_ == State::open) {
            delivering_ = true;
            on_message_(std::move(message));
            delivering_ = false;
        }
        if (paused_ || state_ == State::closing) {
            return;
        }
    }
    reading_ = true;
    ws_.async_read_some(asio::buffer(chunk_),
                        [self = shared_from_this()](const ErrorCode& error, std::size_t count) {
                            self->on_read(error, count);
                        });
}

void WsStream::on_read(const ErrorCode& error, std::size_t count) {
    reading_ = false;
    if (error) {
        on_read_error(error);
        return;
    }
    message_.insert(message_.end(), chunk_.begin(),
                    chunk_.begin() + static_cast<std::ptrdiff_t>(count));
    message_ready_ = ws_.is_message_done();
    advance_reading();
}

void WsStream::on_read_error(const ErrorCode& error) {
    switch (state_) {
    case State::open:
        finish(describe_end(error));
        break;
    case State::draining: // what we wanted has happened, if not the way we wanted
        finish(local_close_);
        break;
    case State::closing: // Beast's close operation is about to complete
    case State::closed:
        break;
    }
}

CloseInfo WsStream::describe_end(const ErrorCode& error) const {
    if (error == websocket::error::closed) {
        const websocket::close_reason& reason = ws_.reason();
        const std::uint16_t code =
            reason.code == websocket::close_code::none ? code_none : reason.code;
        return {code, std::string(reason.reason.data(), reason.reason.size()), true};
    }
    if (error == websocket::error::message_too_big) {
        return {static_cast<std::uint16_t>(CloseCode::too_big), error.message(), false};
    }
    if (error == websocket::error::bad_frame_payload) {
        return {code_bad_payload, error.message(), false};
    }
    if (error == websocket::condition::protocol_violation) {
        return {static_cast<std::uint16_t>(CloseCode::protocol_error), error.message(), false};
    }
    return {code_abnormal, bytes().describe(error), true};
}

// --- sending -----------------------------------------------------------------------------------

void WsStream::send(SharedBytes message) {
    if (state_ != State::open) {
        return;
    }
    const std::size_t limit = settings_.send_queue_bytes_max;
    const std::size_t queued = queued_bytes();
    if (queued > limit || message->size() > limit - queued) {
        // The other side does not read; what waits for it would keep the close frame back.
        drop_queue();
        close(CloseCode::try_later, "send queue full");
        return;
    }
    queued_bytes_ += message->size();
    queue_.push_back(std::move(message));
    advance_sending();
}

void WsStream::drop_queue() {
    for (const SharedBytes& message : queue_) {
        queued_bytes_ -= message->size();
    }
    queue_.clear();
}

void WsStream::advance_sending() {
    if (writing_ || state_ == State::closing || state_ == State::closed) {
        return;
    }
    if (!queue_.empty()) {
        writing_ = true;
        const SharedBytes message = std::move(queue_.front());
        queue_.pop_front();
        ws_.async_write(asio::buffer(*message),
                        [self = shared_from_this(), message](const ErrorCode& error, std::size_t) {
                            self->on_written(error, message->size());
                        });
    } else if (state_ == State::draining) {
        state_ = State::closing;
        const websocket::close_reason reason(
            static_cast<websocket::close_code>(local_close_.code),
            beast::string_view(local_close_.reason.data(), local_close_.reason.size()));
        ws_.async_close(reason, [self = shared_from_this()](const ErrorCode&) {
            self->finish(self->local_close_);
        });
    }
}

void WsStream::on_written(const ErrorCode& error, std::size_t message_bytes) {
    writing_ = false;
    queued_bytes_ -= message_bytes;
    if (!error) {
        advance_sending();
        if (!writing_ && state_ == State::open && on_drained_) {
            const auto handler = on_drained_; // it may end the stream, and its handlers with it
            handler();
        }
    } else if (state_ == State::open) {
        finish({code_abnormal, bytes().describe(error), true});
    } else if (state_ == State::draining) {
        finish(local_close_);
    }
}

// --- ending ------------------------------------------------------------------------------------

void WsStream::close(CloseCode code, std::string reason) {
    if (state_ != State::open) {
        return;
    }
    state_ = State::draining;
    reason.resize(std::min(reason.size(), close_reason_bytes_max));
    local_close_ = {static_cast<std::uint16_t>(code), std::move(reason), false};
    wait_until(Steady::now() + std::chrono::milliseconds(limits::close_grace_ms));
    advance_sending();
}

void WsStream::wait_until(Steady::time_point deadline) {
    timer_.expires_at(deadline);
    timer_.async_wait([self = shared_from_this()](const ErrorCode& error) {
        // A completion that was queued before the timer was set anew comes too early.
        if (!error && self->timer_.expiry() <= Steady::now()) {
            self->on_timer();
        }
    });
}

void WsStream::on_timer() {
    if (state_ == State::open) {
        check_idle();
    } else if (state_ != State::closed) {
        bytes().abort();
        finish(local_close_);
    }
}

// Looks at the time of the last received byte instead of setting a timer anew for every message.
void WsStream::check_idle() {
    const std::chrono::milliseconds interval(settings_.ping_interval_ms);
    const Steady::time_point now = Steady::now();
    const Steady::time_point heard = std::max(bytes().last_receive(), resumed_);
    if (paused_ || now - heard < interval) { // paused: we would not see an answer
        wait_until(paused_ ? now + interval : heard + interval);
        return;
    }
    if (now - heard >= 2 * interval) {
        bytes().abort();
        finish({code_abnormal, "no sign of life", true});
        return;
    }
    if (!pinging_) {
        pinging_ = true;
        ws_.async_ping({}, [self = shared_from_this()](const ErrorCode&) {
            self->pinging_ = false; // an error shows in reading, too
        });
    }
    wait_until(heard + 2 * interval);
}

void WsStream::finish(CloseInfo info) {
    if (state_ == State::closed) {
        return;
    }
    state_ = State::closed;
    timer_.cancel();
    drop_queue();
    bytes().finish();
    end_ = std::move(info);
    report_end();
}

void WsStream::report_end() {
    // Taken out first: they may own this stream, or be what owns the caller's session.
    const auto on_message = std::exchange(on_message_, nullptr);
    const auto on_close = std::exchange(on_close_, nullptr);
    on_drained_ = nullptr;
    if (on_close) {
        on_close(end_);
    }
}

} // namespace

void upgrade_server(ByteStream stream, const std::string& head, StreamSettings settings,
                    OnUpgraded on_done) {
    http::request_parser<http::empty_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(limits::http_head_bytes_max));
    ErrorCode error;
    parser.put(asio::buffer(head), error);
    if (error || !parser.is_header_done()) {
        asio::post(stream.get_executor(), [on_done = std::move(on_done)] {
            on_done(fail(Errc::invalid, "malformed HTTP request"));
        });
        return;
    }
    if (!websocket::is_upgrade(parser.get())) {
        stream.async_write_some(asio::buffer(upgrade_required),
                                [on_done = std::move(on_done)](const ErrorCode&, std::size_t) {
                                    on_done(fail(Errc::invalid, "not a WebSocket upgrade"));
                                });
        stream.linger();
        return;
    }
    const auto ws = std::make_shared<WsStream>(std::move(stream), std::move(settings));
    ws->accept(parser.get(), std::move(on_done));
}

void upgrade_client(ByteStream stream, const std::string& authority, const std::string& target,
                    StreamSettings settings, OnUpgraded on_done) {
    const auto ws = std::make_shared<WsStream>(std::move(stream), std::move(settings));
    ws->connect(authority, target, std::move(on_done));
}

} // namespace hp::net
