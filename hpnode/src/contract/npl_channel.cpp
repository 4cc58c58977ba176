// SPDX-License-Identifier: Apache-2.0
#include "contract/npl_channel.hpp"

#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "hp/base/limits.hpp"

namespace hp::contract {
namespace {

// Packets taken off before other channels get their turn.
constexpr int packets_per_turn = 64;

} // namespace

bool NplOutbox::push(const PublicKey& sender, Bytes message) {
    if (queue_.size() >= limits::npl_queue_messages_max ||
        bytes_ + message.size() > limits::npl_queue_bytes_max) {
        return false;
    }
    bytes_ += message.size();
    queue_.push_back({sender.hex(), std::move(message)});
    return true;
}

void NplOutbox::flush(const os::Fd& socket) {
    while (!queue_.empty()) {
        const Item& item = queue_.front();
        const ByteView packet = key_sent_ ? ByteView(item.message) : as_bytes(item.sender);
        if (::send(socket.get(), packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
            if (errno == EINTR) {
                continue;
            }
            if (errno != EAGAIN && errno != ENOBUFS && errno != ENOMEM) {
                *this = NplOutbox();
            }
            return;
        }
        if (key_sent_) {
            bytes_ -= item.message.size();
            queue_.pop_front();
        }
        key_sent_ = !key_sent_;
    }
}

std::uint32_t NplChannel::wanted_events() const {
    return (reading_ ? EPOLLIN : 0U) | (outbox_.empty() ? 0U : EPOLLOUT);
}

void NplChannel::on_events(std::uint32_t events, std::span<std::uint8_t> buffer,
                           const std::function<void(Bytes)>& on_message) {
    for (int i = 0; i < packets_per_turn && read_one(buffer, on_message); ++i) {
    }
    // A hang-up in both directions; without this it would be reported for ever.
    if ((events & (EPOLLHUP | EPOLLERR)) != 0 && !reading_) {
        socket_.reset();
        return;
    }
    outbox_.flush(socket_);
}

void NplChannel::drain(std::span<std::uint8_t> buffer, const std::function<void(Bytes)>& on_message,
                       int packets_max) {
    for (int i = 0; i < packets_max && read_one(buffer, on_message); ++i) {
    }
    if (undelivered_ > 0) {
        notes_.add(std::to_string(undelivered_) +
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
    if (settings_.bytes_max != 0 && bytes_ + message.size() > settings_.bytes_max && !over_limit_) {
        over_limit_ = true;
        notes_.add("NPL goes over npl_output_bytes; this message and all later ones are dropped");
    }
    bytes_ += message.size();
    if (over_limit_ || !settings_.enabled) {
        return;
    }
    Bytes echo(message.begin(), message.end());
    if (on_message) {
        on_message(echo);
    }
    if (!outbox_.push(settings_.own_key, std::move(echo))) {
        ++undelivered_;
    }
}

} // namespace hp::contract
