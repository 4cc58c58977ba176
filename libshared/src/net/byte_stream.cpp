// SPDX-License-Identifier: Apache-2.0
// ByteStream: readiness waits by Asio, reads and writes by the kernel or by OpenSSL over a BIO
// that is the socket itself. Handlers live inside the pending wait, never in Core: when the event
// loop is destroyed the waits go, and with them every owner of a Core.
#include "byte_stream.hpp"

#include "hp/base/check.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <openssl/err.h>
#include <sys/socket.h>

namespace hp::net {
namespace {

using Steady = std::chrono::steady_clock;
using WaitType = asio::socket_base::wait_type;

constexpr WaitType wait_read = asio::socket_base::wait_read;
constexpr WaitType wait_write = asio::socket_base::wait_write;

// A drained output buffer keeps at most this much capacity: most connections are idle.
constexpr std::size_t kept_output_bytes_max = limits::output_batch_bytes / 4;

ErrorCode system_error(int number) {
    return ErrorCode(number, boost::system::system_category());
}

ErrorCode end_of_stream() {
    return asio::error::eof;
}

ErrorCode aborted() {
    return asio::error::operation_aborted;
}

bool would_block(int number) {
    return number == EAGAIN || number == EWOULDBLOCK;
}

// The socket as OpenSSL's BIO sees it. Its own socket BIO would raise SIGPIPE and hide errno.
struct Wire {
    int fd = -1;
    int error = 0; // errno of the last failed call
    bool ended = false;
};

Wire& wire_of(BIO* bio) {
    return *static_cast<Wire*>(BIO_get_data(bio));
}

int finish_wire_call(BIO* bio, ssize_t count, int retry_flag) {
    BIO_clear_retry_flags(bio);
    if (count >= 0) {
        return static_cast<int>(count);
    }
    if (would_block(errno)) {
        BIO_set_flags(bio, retry_flag | BIO_FLAGS_SHOULD_RETRY);
    } else {
        wire_of(bio).error = errno;
    }
    return -1;
}

int wire_read(BIO* bio, char* data, int size) {
    Wire& wire = wire_of(bio);
    ssize_t count = 0;
    do {
        count = ::recv(wire.fd, data, static_cast<std::size_t>(size), 0);
    } while (count < 0 && errno == EINTR);
    wire.ended = count == 0;
    return finish_wire_call(bio, count, BIO_FLAGS_READ);
}

int wire_write(BIO* bio, const char* data, int size) {
    ssize_t count = 0;
    do {
        count = ::send(wire_of(bio).fd, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    return finish_wire_call(bio, count, BIO_FLAGS_WRITE);
}

long wire_control(BIO* bio, int command, long, void*) {
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return wire_of(bio).ended ? 1 : 0;
    default:
        return 0;
    }
}

BioMethodPtr make_wire_method() {
    BioMethodPtr method(BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "socket"));
    HP_CHECK(method, "a BIO method can be made");
    BIO_meth_set_read(method.get(), wire_read);
    BIO_meth_set_write(method.get(), wire_write);
    BIO_meth_set_ctrl(method.get(), wire_control);
    return method;
}

BioPtr make_wire_bio(Wire& wire) {
    static const BioMethodPtr method = make_wire_method(); // constant after its first use
    BioPtr bio(BIO_new(method.get()));
    HP_CHECK(bio, "a BIO can be made");
    BIO_set_data(bio.get(), &wire);
    BIO_set_init(bio.get(), 1);
    return bio;
}

} // namespace

class ByteStream::Core : public std::enable_shared_from_this<Core> {
public:
    Core(TcpSocket socket, SslPtr ssl);
    ~Core() { close(); }
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;

    void handshake(std::function<void(const ErrorCode&)> on_done);
    void read(asio::mutable_buffer into, IoHandler handler);
    std::size_t append(asio::const_buffer buffer, std::size_t bytes_max);
    void write(std::size_t appended, IoHandler handler);
    void linger();
    void close();
    void flush();
    std::size_t unsent() const { return out_.size() - sent_; }

    TcpSocket socket_;
    SslPtr ssl_;
    Bytes unread_; // served before the socket
    Bytes out_;
    std::size_t sent_ = 0; // bytes of out_ that have left
    bool held_ = false;
    bool lingering_ = false;
    Steady::time_point last_receive_ = Steady::now();
    std::string tls_error_; // text of the last TLS failure

private:
    // What one non-blocking try did: moved bytes, must wait, or failed.
    struct Io {
        std::size_t count = 0;
        ErrorCode error;
        std::optional<WaitType> wait;
    };

    Io try_read(asio::mutable_buffer into);
    Io try_write(ByteView bytes);
    Io ssl_outcome(int result);
    void post(IoHandler handler, const ErrorCode& error, std::size_t count);
    void wait_to_read(WaitType type, asio::mutable_buffer into, IoHandler handler);
    void wait_to_write(std::size_t appended, IoHandler handler);
    void drop_sent();
    void schedule_flush();
    void on_flush_turn();
    void continue_linger();
    void discard_input();
    void end_output();

    Wire wire_;
    ErrorCode write_error_; // ends the writing side for good
    bool tls_broken_ = false;
    bool closed_ = false;
    bool output_ended_ = false;
    bool flush_scheduled_ = false;
    bool flush_waiting_ = false;
    WaitType flush_wait_ = wait_write;
    bool appended_since_turn_ = false;
    Steady::time_point oldest_unsent_;
    std::optional<SteadyTimer> linger_timer_;
};

ByteStream::Core::Core(TcpSocket socket, SslPtr ssl)
    : socket_(std::move(socket)), ssl_(std::move(ssl)) {
    ErrorCode ignored; // a socket that refuses these fails at its first use
    socket_.native_non_blocking(true, ignored);
    socket_.set_option(Tcp::no_delay(true), ignored);
    wire_.fd = socket_.native_handle();
    if (ssl_) {
        BIO* bio = make_wire_bio(wire_).release();
        SSL_set_bio(ssl_.get(), bio, bio); // takes it, for both directions
    }
}

void ByteStream::Core::close() {
    if (closed_) {
        return;
    }
    closed_ = true;
    linger_timer_.reset();
    ErrorCode ignored;
    socket_.close(ignored);
    wire_.fd = -1; // the number may soon belong to another connection
}

void ByteStream::Core::post(IoHandler handler, const ErrorCode& error, std::size_t count) {
    asio::post(socket_.get_executor(),
               [handler = std::move(handler), error, count]() mutable { handler(error, count); });
}

// --- TLS ---------------------------------------------------------------------------------------

ByteStream::Core::Io ByteStream::Core::ssl_outcome(int result) {
    switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_NONE:
        return {static_cast<std::size_t>(result), {}, {}};
    case SSL_ERROR_WANT_READ:
        return {0, {}, wait_read};
    case SSL_ERROR_WANT_WRITE:
        return {0, {}, wait_write};
    case SSL_ERROR_ZERO_RETURN:
        return {0, end_of_stream(), {}};
    case SSL_ERROR_SYSCALL:
        tls_broken_ = true;
        ERR_clear_error();
        return {0, wire_.error != 0 ? system_error(wire_.error) : end_of_stream(), {}};
    default:
        tls_broken_ = true;
        tls_error_ = take_openssl_error();
        return {0, system_error(EPROTO), {}};
    }
}

void ByteStream::Core::handshake(std::function<void(const ErrorCode&)> on_done) {
    Io io;
    if (closed_) {
        io.error = aborted();
    } else if (ssl_) {
        ERR_clear_error();
        io = ssl_outcome(SSL_do_handshake(ssl_.get()));
    }
    if (!io.wait) {
        asio::post(socket_.get_executor(),
                   [on_done = std::move(on_done), error = io.error] { on_done(error); });
        return;
    }
    socket_.async_wait(*io.wait, [self = shared_from_this(),
                                  on_done = std::move(on_done)](const ErrorCode& error) mutable {
        if (error) {
            on_done(error);
            return;
        }
        self->handshake(std::move(on_done));
    });
}

// --- reading -----------------------------------------------------------------------------------

ByteStream::Core::Io ByteStream::Core::try_read(asio::mutable_buffer into) {
    if (closed_ || lingering_) {
        return {0, aborted(), {}};
    }
    if (!unread_.empty()) {
        const std::size_t count = asio::buffer_copy(into, asio::buffer(unread_));
        unread_.erase(unread_.begin(), unread_.begin() + static_cast<std::ptrdiff_t>(count));
        return {count, {}, {}};
    }
    Io io;
    if (ssl_) {
        if (tls_broken_) {
            return {0, end_of_stream(), {}};
        }
        ERR_clear_error();
        const int size = static_cast<int>(std::min<std::size_t>(into.size(), INT32_MAX));
        io = ssl_outcome(SSL_read(ssl_.get(), into.data(), size));
    } else {
        ssize_t count = 0;
        do {
            count = ::recv(wire_.fd, into.data(), into.size(), 0);
        } while (count < 0 && errno == EINTR);
        if (count > 0) {
            io.count = static_cast<std::size_t>(count);
        } else if (count == 0) {
            io.error = end_of_stream();
        } else if (would_block(errno)) {
            io.wait = wait_read;
        } else {
            io.error = system_error(errno);
        }
    }
    if (io.count > 0) {
        last_receive_ = Steady::now();
    }
    return io;
}

void ByteStream::Core::read(asio::mutable_buffer into, IoHandler handler) {
    if (into.size() == 0) {
        post(std::move(handler), {}, 0);
        return;
    }
    const Io io = try_read(into);
    if (io.wait) {
        wait_to_read(*io.wait, into, std::move(handler));
    } else {
        post(std::move(handler), io.error, io.count);
    }
}

void ByteStream::Core::wait_to_read(WaitType type, asio::mutable_buffer into, IoHandler handler) {
    socket_.async_wait(type, [self = shared_from_this(), into,
                              handler = std::move(handler)](const ErrorCode& error) mutable {
        const Io io = error ? Io{0, error, {}} : self->try_read(into);
        if (io.wait) {
            self->wait_to_read(*io.wait, into, std::move(handler));
        } else {
            handler(io.error, io.count);
        }
    });
}

// --- writing -----------------------------------------------------------------------------------

ByteStream::Core::Io ByteStream::Core::try_write(ByteView bytes) {
    if (ssl_) {
        if (tls_broken_) {
            return {0, system_error(EPIPE), {}};
        }
        ERR_clear_error();
        const int size = static_cast<int>(std::min<std::size_t>(bytes.size(), INT32_MAX));
        return ssl_outcome(SSL_write(ssl_.get(), bytes.data(), size));
    }
    ssize_t count = 0;
    do {
        count = ::send(wire_.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    if (count >= 0) {
        return {static_cast<std::size_t>(count), {}, {}};
    }
    if (would_block(errno)) {
        return {0, {}, wait_write};
    }
    return {0, system_error(errno), {}};
}

std::size_t ByteStream::Core::append(asio::const_buffer buffer, std::size_t bytes_max) {
    const std::size_t count = std::min(buffer.size(), bytes_max);
    if (count == 0 || closed_ || lingering_ || write_error_) {
        return count; // write() reports it
    }
    if (unsent() == 0) {
        oldest_unsent_ = Steady::now();
    }
    const auto* data = static_cast<const std::uint8_t*>(buffer.data());
    out_.insert(out_.end(), data, data + count);
    appended_since_turn_ = true;
    return count;
}

void ByteStream::Core::write(std::size_t appended, IoHandler handler) {
    if (closed_ || lingering_) {
        // Lingering sends what came before it; the empty write is how teardown gets its turn.
        post(std::move(handler), appended == 0 ? ErrorCode() : aborted(), 0);
        return;
    }
    if (unsent() >= limits::output_batch_bytes) {
        flush();
    } else if (unsent() > 0) {
        schedule_flush();
    }
    if (write_error_) {
        post(std::move(handler), write_error_, 0);
    } else if (unsent() < limits::output_batch_bytes || held_) {
        post(std::move(handler), {}, appended);
    } else {
        wait_to_write(appended, std::move(handler));
    }
}

// A second wait beside the one of flush(): this one carries the handler (see the top).
void ByteStream::Core::wait_to_write(std::size_t appended, IoHandler handler) {
    socket_.async_wait(flush_wait_, [self = shared_from_this(), appended,
                                     handler = std::move(handler)](const ErrorCode& error) mutable {
        if (error || self->closed_) {
            handler(error ? error : aborted(), 0);
            return;
        }
        self->flush();
        if (self->write_error_) {
            handler(self->write_error_, 0);
        } else if (self->unsent() < limits::output_batch_bytes) {
            handler({}, appended);
        } else {
            self->wait_to_write(appended, std::move(handler));
        }
    });
}

void ByteStream::Core::flush() {
    while (unsent() > 0 && !closed_ && !held_ && !write_error_) {
        const Io io = try_write(ByteView(out_).subspan(sent_));
        sent_ += io.count;
        write_error_ = io.error;
        if (io.wait) {
            flush_wait_ = *io.wait;
            if (!flush_waiting_) {
                flush_waiting_ = true;
                socket_.async_wait(flush_wait_, [self = shared_from_this()](const ErrorCode&) {
                    self->flush_waiting_ = false;
                    self->flush();
                    if (self->lingering_) {
                        self->continue_linger();
                    }
                });
            }
            break;
        }
    }
    drop_sent();
}

void ByteStream::Core::drop_sent() {
    if (unsent() == 0) {
        out_.clear();
        sent_ = 0;
        if (out_.capacity() > kept_output_bytes_max) {
            out_ = Bytes();
        }
    } else if (sent_ >= limits::output_batch_bytes) {
        out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(sent_));
        sent_ = 0;
    }
}

void ByteStream::Core::schedule_flush() {
    if (flush_scheduled_ || flush_waiting_ || held_) {
        return;
    }
    flush_scheduled_ = true;
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->on_flush_turn(); });
}

// Runs once a turn of the event loop. If the last turn brought more, more may be on its way.
void ByteStream::Core::on_flush_turn() {
    flush_scheduled_ = false;
    const auto patience = std::chrono::microseconds(limits::output_batch_us);
    if (appended_since_turn_ && !lingering_ && Steady::now() - oldest_unsent_ < patience) {
        appended_since_turn_ = false;
        schedule_flush();
        return;
    }
    flush();
}

// --- ending ------------------------------------------------------------------------------------

void ByteStream::Core::linger() {
    if (closed_ || lingering_) {
        return;
    }
    lingering_ = true;
    held_ = false;
    linger_timer_.emplace(socket_.get_executor());
    linger_timer_->expires_after(std::chrono::milliseconds(limits::close_grace_ms));
    linger_timer_->async_wait([weak = weak_from_this()](const ErrorCode& error) {
        const auto self = weak.lock();
        if (!error && self) {
            self->close();
        }
    });
    continue_linger();
}

void ByteStream::Core::continue_linger() {
    flush();
    if (write_error_) {
        close();
    } else if (!closed_ && unsent() == 0 && !output_ended_) {
        end_output();
        discard_input();
    }
}

void ByteStream::Core::end_output() {
    output_ended_ = true;
    if (ssl_ && !tls_broken_ && SSL_is_init_finished(ssl_.get()) == 1) {
        ERR_clear_error();
        SSL_shutdown(ssl_.get()); // if it does not fit now, the end of the stream must do
        ERR_clear_error();
    }
    ErrorCode ignored;
    socket_.shutdown(TcpSocket::shutdown_send, ignored);
}

void ByteStream::Core::discard_input() {
    std::array<std::uint8_t, 4096> scratch;
    constexpr int reads_a_turn_max = 64; // others want the thread too
    for (int i = 0; i < reads_a_turn_max && !closed_; ++i) {
        const ssize_t count = ::recv(wire_.fd, scratch.data(), scratch.size(), 0);
        if (count == 0 || (count < 0 && !would_block(errno) && errno != EINTR)) {
            close();
        } else if (count < 0 && would_block(errno)) {
            break;
        }
    }
    if (closed_) {
        return;
    }
    socket_.async_wait(wait_read, [self = shared_from_this()](const ErrorCode& error) {
        if (!error) {
            self->discard_input();
        }
    });
}

// --- ByteStream --------------------------------------------------------------------------------

ByteStream::ByteStream(TcpSocket socket, SslPtr ssl)
    : core_(std::make_shared<Core>(std::move(socket), std::move(ssl))) {}

ByteStream::~ByteStream() {
    if (core_) {
        finish();
    }
}

Executor ByteStream::get_executor() noexcept {
    return core_->socket_.get_executor();
}

void ByteStream::async_handshake(std::function<void(const ErrorCode&)> on_done) {
    core_->handshake(std::move(on_done));
}

std::size_t ByteStream::append(asio::const_buffer buffer, std::size_t bytes_max) {
    return core_->append(buffer, bytes_max);
}

void ByteStream::read(asio::mutable_buffer into, IoHandler handler) {
    core_->read(into, std::move(handler));
}

void ByteStream::write(std::size_t appended, IoHandler handler) {
    core_->write(appended, std::move(handler));
}

void ByteStream::unread(ByteView bytes) {
    core_->unread_.insert(core_->unread_.begin(), bytes.begin(), bytes.end());
}

void ByteStream::hold_output() {
    core_->held_ = true;
}

void ByteStream::release_output(const std::function<void(Bytes&)>& edit) {
    HP_CHECK(core_->held_ && core_->sent_ == 0, "output is released once, after hold_output");
    core_->held_ = false;
    edit(core_->out_);
    core_->flush();
}

std::size_t ByteStream::unsent_bytes() const {
    return core_->unsent();
}

Steady::time_point ByteStream::last_receive() const {
    return core_->last_receive_;
}

std::string ByteStream::describe(const ErrorCode& error) const {
    if (error == end_of_stream()) {
        return "connection closed by the other side";
    }
    return core_->tls_error_.empty() ? error.message() : "TLS: " + core_->tls_error_;
}

std::string ByteStream::certificate_problem() const {
    return core_->ssl_ ? net::certificate_problem(*core_->ssl_) : std::string();
}

std::string ByteStream::peer_certificate_sha256() const {
    return core_->ssl_ ? net::peer_certificate_sha256(*core_->ssl_) : std::string();
}

Bytes ByteStream::channel_binding() const {
    return core_->ssl_ ? net::channel_binding(*core_->ssl_) : Bytes();
}

void ByteStream::abort() {
    core_->close();
}

void ByteStream::linger() {
    core_->linger();
}

void ByteStream::finish() {
    if (!core_->lingering_) {
        core_->close();
    }
}

ByteStream::Aborter ByteStream::aborter() const {
    return Aborter(core_);
}

void ByteStream::Aborter::operator()() const {
    if (const auto core = core_.lock()) {
        core->close();
    }
}

} // namespace hp::net
