// SPDX-License-Identifier: Apache-2.0
// A byte stream over a TCP socket, plain or TLS, shaped like an Asio stream so that Beast can run
// on it. One class for both keeps Beast's templates to one instantiation, and lets OpenSSL work
// on the socket directly: an idle connection owns no TLS buffers.
//
// Writes are collected and sent together: many small WebSocket frames become one TLS record and
// one system call. They leave when the batch is full, when no more came in one turn of the event
// loop, or when the oldest byte has waited limits::output_batch_us. Reactor thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/buffer.hpp>

#include "asio_types.hpp"
#include "hp/base/bytes.hpp"
#include "hp/base/limits.hpp"
#include "openssl.hpp"

namespace hp::net {

// A completion handler of any type, called once. (std::function cannot hold Beast's: they move
// but do not copy.)
class IoHandler {
public:
    template <class F>
    requires(!std::is_same_v<std::decay_t<F>, IoHandler>) explicit IoHandler(F&& f)
        : held_(std::make_unique<Holder<std::decay_t<F>>>(std::forward<F>(f))) {}

    void operator()(const ErrorCode& error, std::size_t count) {
        const std::unique_ptr<Base> held = std::move(held_);
        held->call(error, count);
    }

private:
    struct Base {
        virtual ~Base() = default;
        virtual void call(const ErrorCode& error, std::size_t count) = 0;
    };
    template <class F>
    struct Holder final : Base {
        explicit Holder(F&& f) : function(std::move(f)) {}
        explicit Holder(const F& f) : function(f) {}
        void call(const ErrorCode& error, std::size_t count) override { function(error, count); }
        F function;
    };
    std::unique_ptr<Base> held_;
};

class ByteStream {
public:
    using executor_type = Executor;

    // `socket` is connected; `ssl` null means plain TCP.
    ByteStream(TcpSocket socket, SslPtr ssl);
    ~ByteStream();
    ByteStream(ByteStream&&) noexcept = default;
    ByteStream& operator=(ByteStream&&) = delete;

    Executor get_executor() noexcept;

    // The TLS handshake; nothing to do for plain TCP.
    void async_handshake(std::function<void(const ErrorCode&)> on_done);

    template <class Buffers, class Handler>
    void async_read_some(const Buffers& buffers, Handler&& handler) {
        read(first_of(buffers), IoHandler(std::forward<Handler>(handler)));
    }

    template <class Buffers, class Handler>
    void async_write_some(const Buffers& buffers, Handler&& handler) {
        std::size_t taken = 0;
        const auto end = asio::buffer_sequence_end(buffers);
        for (auto it = asio::buffer_sequence_begin(buffers); it != end; ++it) {
            taken += append(asio::const_buffer(*it), limits::output_batch_bytes - taken);
        }
        write(taken, IoHandler(std::forward<Handler>(handler)));
    }

    // Bytes that were read too far; they are read again first.
    void unread(ByteView bytes);

    // While held, output stays in the buffer; release lets `edit` change it and sends it.
    void hold_output();
    void release_output(const std::function<void(Bytes&)>& edit);

    std::size_t unsent_bytes() const;
    std::chrono::steady_clock::time_point last_receive() const;

    // What went wrong in words; `error` is one that an operation here completed with.
    std::string describe(const ErrorCode& error) const;
    std::string certificate_problem() const; // empty: a failed handshake had another reason
    std::string peer_certificate_sha256() const;
    Bytes channel_binding() const;

    // Ends the connection at once.
    void abort();
    // Ends it politely without anybody waiting: sends what is unsent, then the end of the stream,
    // and discards what still comes so that the other side is not reset before it has read our
    // last words. Gives up after limits::close_grace_ms.
    void linger();
    // Ends it at once unless it lingers.
    void finish();

    // Aborts the connection, wherever its ByteStream has been moved to.
    class Aborter;
    Aborter aborter() const;

private:
    class Core;

    template <class Buffers>
    static asio::mutable_buffer first_of(const Buffers& buffers) {
        const auto end = asio::buffer_sequence_end(buffers);
        for (auto it = asio::buffer_sequence_begin(buffers); it != end; ++it) {
            const asio::mutable_buffer buffer(*it);
            if (buffer.size() > 0) {
                return buffer;
            }
        }
        return {};
    }

    std::size_t append(asio::const_buffer buffer, std::size_t bytes_max);
    void read(asio::mutable_buffer into, IoHandler handler);
    void write(std::size_t appended, IoHandler handler);

    std::shared_ptr<Core> core_;
};

class ByteStream::Aborter {
public:
    Aborter() = default;
    void operator()() const;

private:
    friend class ByteStream;
    explicit Aborter(std::weak_ptr<Core> core) : core_(std::move(core)) {}
    std::weak_ptr<Core> core_;
};

} // namespace hp::net
