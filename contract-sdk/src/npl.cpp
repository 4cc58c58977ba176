// SPDX-License-Identifier: Apache-2.0
//
// NPL over a SEQPACKET socket. Outgoing: one packet is one message. Incoming: the sender's key in
// hex, then the message. The key is kept between calls, so a time-out between the two loses nothing
// and cannot shift the pairing.
//
// Threads: see npl.hpp.
#include "io.hpp"

#include <hp/contract/npl.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include <poll.h>
#include <sys/socket.h>

namespace hp::contract {
namespace {

using Clock = std::chrono::steady_clock;

struct Packet {
    NplStatus status = NplStatus::failed;
    std::error_code error;
    Bytes data;
};

int ms_until(Clock::time_point deadline) {
    // Rounded up, or the last wait would be a busy loop of zero-length polls.
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    return static_cast<int>(std::max<std::chrono::milliseconds::rep>(left.count(), 0));
}

/// `message` here means: a packet, or the end of the channel, is ready to be taken.
NplStatus wait_readable(int fd, Clock::time_point deadline) {
    for (;;) {
        pollfd entry{fd, POLLIN, 0};
        const int ready = ::poll(&entry, 1, ms_until(deadline));
        if (ready > 0)
            return NplStatus::message;
        if (ready == 0)
            return NplStatus::timeout;
        if (errno != EINTR)
            return NplStatus::failed;
    }
}

Packet receive_packet(int fd, Clock::time_point deadline) {
    for (;;) {
        const NplStatus ready = wait_readable(fd, deadline);
        if (ready != NplStatus::message)
            return {
                ready, ready == NplStatus::failed ? detail::last_error() : std::error_code{}, {}};
        // The kernel tells the size first, so that the buffer is as large as this message needs.
        const ssize_t size = ::recv(fd, nullptr, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
        if (size == 0)
            return {NplStatus::closed, {}, {}};
        if (size < 0 && errno != EINTR && errno != EAGAIN)
            return {NplStatus::failed, detail::last_error(), {}};
        if (size < 0)
            continue;
        Packet packet{NplStatus::message, {}, Bytes(static_cast<std::size_t>(size))};
        if (::recv(fd, packet.data.data(), packet.data.size(), MSG_DONTWAIT) == size)
            return packet;
        return {NplStatus::failed, std::make_error_code(std::errc::protocol_error), {}};
    }
}

} // namespace

std::error_code Npl::send(BytesView message) {
    if (!fd_)
        return std::make_error_code(std::errc::not_connected);
    if (message.empty())
        return std::make_error_code(std::errc::invalid_argument);
    if (message.size() > message_bytes_max)
        return std::make_error_code(std::errc::message_size);
    return detail::send_packet(*fd_, message, true);
}

NplResult Npl::receive(int timeout_ms) {
    if (!fd_)
        return {NplStatus::closed, std::nullopt, {}};
    const auto deadline = Clock::now() + std::chrono::milliseconds(std::max(timeout_ms, 0));
    if (!pending_sender_) {
        const Packet packet = receive_packet(*fd_, deadline);
        if (packet.status != NplStatus::message)
            return {packet.status, std::nullopt, packet.error};
        pending_sender_ = PublicKey::from_hex(as_text(packet.data));
        if (!pending_sender_)
            return {NplStatus::failed, std::nullopt,
                    std::make_error_code(std::errc::protocol_error)};
    }
    Packet packet = receive_packet(*fd_, deadline);
    if (packet.status != NplStatus::message)
        return {packet.status, std::nullopt, packet.error};
    NplMessage message{*pending_sender_, *pending_sender_ == own_key_, std::move(packet.data)};
    pending_sender_.reset();
    return {NplStatus::message, std::move(message), {}};
}

} // namespace hp::contract
