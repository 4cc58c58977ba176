// SPDX-License-Identifier: Apache-2.0
#include "hp/net/document_server.hpp"

#include <array>
#include <chrono>
#include <list>
#include <utility>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include "hp/base/check.hpp"
#include "hp/base/limits.hpp"
#include "reactor_impl.hpp"

namespace hp::net {
namespace {

using Local = asio::local::stream_protocol;
using LocalSocket = asio::basic_stream_socket<Local, Executor>;
using LocalAcceptor = asio::basic_socket_acceptor<Local, Executor>;

// One connection: what it asks, and the document on its way to it.
struct Reply {
    explicit Reply(LocalSocket accepted)
        : socket(std::move(accepted)), deadline(socket.get_executor()) {}

    void close() {
        ErrorCode ignored;
        socket.close(ignored);
        deadline.cancel();
    }

    LocalSocket socket;
    SteadyTimer deadline;
    std::string request;
    std::string document;
};

} // namespace

// Kept alive by what is pending.
class DocumentServer::Acceptor : public std::enable_shared_from_this<Acceptor> {
public:
    Acceptor(asio::io_context& io, os::Fd listening, std::size_t request_bytes_max,
             std::function<std::string(const std::string&)> answer)
        : acceptor_(io.get_executor()), retry_(io.get_executor()),
          request_bytes_max_(request_bytes_max), answer_(std::move(answer)) {
        ErrorCode error;
        acceptor_.assign(Local(), listening.release(), error);
        HP_CHECK(!error, "a listening local socket");
    }

    void accept_next() {
        acceptor_.async_accept(
            [self = shared_from_this()](const ErrorCode& error, LocalSocket socket) {
                if (self->stopped_) {
                    return;
                }
                if (error) {
                    self->pause();
                    return;
                }
                self->serve(std::move(socket));
                self->accept_next();
            });
    }

    void stop() {
        stopped_ = true;
        ErrorCode ignored;
        acceptor_.close(ignored);
        retry_.cancel();
        for (const std::shared_ptr<Reply>& reply : std::exchange(replies_, {})) {
            reply->close();
        }
    }

private:
    // Most likely out of descriptors.
    void pause() {
        retry_.expires_after(std::chrono::milliseconds(limits::accept_backoff_ms));
        retry_.async_wait([self = shared_from_this()](const ErrorCode& error) {
            if (!error && !self->stopped_) {
                self->accept_next();
            }
        });
    }

    using Place = std::list<std::shared_ptr<Reply>>::iterator;

    void serve(LocalSocket socket) {
        if (replies_.size() >= limits::status_readers_max) {
            return; // closed
        }
        const auto reply = std::make_shared<Reply>(std::move(socket));
        const Place place = replies_.insert(replies_.end(), reply);
        reply->deadline.expires_after(std::chrono::milliseconds(limits::status_timeout_ms));
        reply->deadline.async_wait([reply](const ErrorCode& error) {
            if (!error) {
                reply->close();
            }
        });
        if (request_bytes_max_ == 0) {
            answer(place);
            return;
        }
        asio::async_read_until(
            reply->socket, asio::dynamic_buffer(reply->request, request_bytes_max_), '\n',
            [self = shared_from_this(), reply, place](const ErrorCode& error, std::size_t length) {
                if (self->stopped_) {
                    return;
                }
                if (error) {
                    self->finish(place);
                    return;
                }
                reply->request.resize(length - 1);
                self->answer(place);
            });
    }

    void answer(Place place) {
        const std::shared_ptr<Reply> reply = *place;
        reply->document = answer_(reply->request);
        asio::async_write(reply->socket, asio::buffer(reply->document),
                          [self = shared_from_this(), place](const ErrorCode&, std::size_t) {
                              if (!self->stopped_) {
                                  self->finish(place);
                              }
                          });
    }

    void finish(Place place) {
        (*place)->close();
        replies_.erase(place);
    }

    LocalAcceptor acceptor_;
    SteadyTimer retry_;
    std::size_t request_bytes_max_; // 0: no request is read
    std::function<std::string(const std::string&)> answer_;
    std::list<std::shared_ptr<Reply>> replies_;
    bool stopped_ = false;
};

DocumentServer::DocumentServer(Reactor& reactor, os::Fd listening,
                               std::function<std::string()> make_document)
    : DocumentServer(reactor, std::move(listening), 0,
                     [make = std::move(make_document)](const std::string&) { return make(); }) {}

DocumentServer::DocumentServer(Reactor& reactor, os::Fd listening, std::size_t request_bytes_max,
                               std::function<std::string(const std::string&)> answer)
    : acceptor_(std::make_shared<Acceptor>(reactor.impl().io, std::move(listening),
                                           request_bytes_max, std::move(answer))) {
    acceptor_->accept_next();
}

DocumentServer::~DocumentServer() {
    acceptor_->stop();
}

} // namespace hp::net
