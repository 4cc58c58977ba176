// SPDX-License-Identifier: Apache-2.0
#include "contract/npl_channel.hpp"

#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "hp/base/limits.hpp"

namespace hp::contract {
namespace {

// Packets taken off, and messages put in, before other channels get their turn.
constexpr int packets_per_turn = 64;

} // namespace

std::uint32_t NplChannel::wanted_events() const {
    return (reading_ ? EPOLLIN : 0U) | (next_ ? EPOLLOUT : 0U);
}

void NplChannel::on_events(std::uint32_t events, std::span<std::uint8_t> buffer,
                           const std::function<void(Bytes)>& on_message) {
    for (int i = 0; i < packets_per_turn && read_one(buffer, on_message); ++i) {
    }
    // A hang-up in both directions; without this it would be reported for ever.
    if ((events & (EPOLLHUP | EPOLLERR)) != 0 && !reading_) {
        socket_.reset();
        next_.reset();
        return;
    }
    flush();
}

// The key and the message are two packets (8.4): a message whose key is out is always finished,
// before anything else and before the end.
void NplChannel::flush() {
    for (int sent = 0; socket_ && input_ != Input::ended; ++sent) {
        if (input_ == Input::ending && !key_sent_) {
            next_.reset();
            ::shutdown(socket_.get(), SHUT_WR);
            input_ = Input::ended;
            return;
        }
        if (!next_ && !(next_ = inlet_.take())) {
            return;
        }
        if (sent == packets_per_turn) {
            return; // `next_` makes the socket's being writable an event
        }
        if (!key_sent_ && !(key_sent_ = send_packet_now(as_bytes(next_->sender.hex())))) {
            return;
        }
        if (!send_packet_now(next_->bytes)) {
            return;
        }
        ++stats_.messages_in;
        stats_.bytes_in += next_->bytes.size();
        next_.reset();
        key_sent_ = false;
    }
}

// False when the socket takes no more, now or for ever.
bool NplChannel::send_packet_now(ByteView packet) {
    ssize_t count = -1;
    do {
        count = ::send(socket_.get(), packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    if (count < 0 && errno != EAGAIN && errno != ENOBUFS && errno != ENOMEM) {
        input_ = Input::ended; // the contract reads no more
        next_.reset();
    }
    return count >= 0;
}

void NplChannel::end_input() {
    if (input_ == Input::open) {
        input_ = Input::ending;
        flush();
    }
}

void NplChannel::drain(std::span<std::uint8_t> buffer, const std::function<void(Bytes)>& on_message,
                       int packets_max) {
    for (int i = 0; i < packets_max && read_one(buffer, on_message); ++i) {
    }
    if (const std::size_t dropped = inlet_.dropped(); dropped > 0) {
        notes_.add(std::to_string(dropped) +
                   " NPL messages were dropped because the contract did not read them");
    }
}

// False when nothing is waiting. At the end of what the contract sends the socket stays open: the
// contract may still be reading.
bool NplChannel::read_one(std::span<std::uint8_t> buffer,
                          const std::function<void(Bytes)>& on_message) {
    if (!socket_ || !reading_) {
        return false;
    }
    const std::span<std::uint8_t> room = buffer.first(limits::npl_message_bytes_max);
    const Packet packet = receive_packet_now(socket_, room);
    if (packet.kind == Packet::Kind::end) {
        reading_ = false;
    } else if (packet.kind == Packet::Kind::longer) {
        notes_.add("an NPL message over the size limit was dropped");
    } else if (packet.size > 0) {
        send_out(ByteView(room).first(packet.size), on_message);
    }
    return packet.received();
}

void NplChannel::send_out(ByteView message, const std::function<void(Bytes)>& on_message) {
    if (settings_.bytes_max != 0 && bytes_sent_ + message.size() > settings_.bytes_max &&
        !over_limit_) {
        over_limit_ = true;
        notes_.add("NPL goes over npl_output_bytes; this message and all later ones are dropped");
    }
    bytes_sent_ += message.size();
    if (over_limit_ || !settings_.enabled) {
        return;
    }
    ++stats_.messages_out;
    stats_.bytes_out += message.size();
    Bytes echo(message.begin(), message.end());
    if (on_message) {
        on_message(echo);
    }
    if (input_ == Input::open) {
        inlet_.push(settings_.run, settings_.own_key, std::move(echo));
    }
}

} // namespace hp::contract
