// SPDX-License-Identifier: Apache-2.0
//
// NPL over a SEQPACKET socket. Outgoing: one packet is one message. Incoming: the sender's key in
// hex, then the message. The key is kept between calls, so a time-out between the two loses nothing
// and cannot shift the pairing. Reads never block: poll() waits, with a deadline.
//
// Threads: see npl.hpp.
#include "io.hpp"

#include <hp/contract/npl.hpp>

#include <algorithm>
#include <array>
#include <cerrno>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace hp::contract {
namespace {

using Clock = std::chrono::steady_clock;

struct Packet {
    NplStatus status = NplStatus::failed;
    std::error_code error;
    Bytes data;
};

Clock::time_point deadline_in(int timeout_ms) {
    return Clock::now() + std::chrono::milliseconds(std::max(timeout_ms, 0));
}

int ms_until(Clock::time_point deadline) {
    // Rounded up, or the last wait would be a busy loop of zero-length polls.
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    return static_cast<int>(std::max<std::chrono::milliseconds::rep>(left.count(), 0));
}

/// `message` here means: a packet, or the end of the channel, is ready to be taken. `wake_fd` may
/// be -1, which poll() ignores.
NplStatus wait_readable(int fd, int wake_fd, Clock::time_point deadline) {
    for (;;) {
        std::array<pollfd, 2> entries{pollfd{fd, POLLIN, 0}, pollfd{wake_fd, POLLIN, 0}};
        const int ready = ::poll(entries.data(), entries.size(), ms_until(deadline));
        if (ready > 0)
            return entries[1].revents != 0 ? NplStatus::stopped : NplStatus::message;
        if (ready == 0)
            return NplStatus::timeout;
        if (errno != EINTR)
            return NplStatus::failed;
    }
}

/// Errors after which receiving goes on. ECONNRESET comes once, in front of the messages that are
/// still there: the node has closed without reading all that was sent to it.
bool passes(int error) {
    return error == EINTR || error == EAGAIN || error == ECONNRESET;
}

Packet receive_packet(int fd, int wake_fd, Clock::time_point deadline) {
    for (;;) {
        const NplStatus ready = wait_readable(fd, wake_fd, deadline);
        if (ready != NplStatus::message)
            return {
                ready, ready == NplStatus::failed ? detail::last_error() : std::error_code{}, {}};
        // The kernel tells the size first, so that the buffer is as large as this message needs.
        const ssize_t size = ::recv(fd, nullptr, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
        if (size == 0)
            return {NplStatus::closed, {}, {}};
        if (size < 0 && !passes(errno))
            return {NplStatus::failed, detail::last_error(), {}};
        if (size < 0)
            continue;
        Packet packet{NplStatus::message, {}, Bytes(static_cast<std::size_t>(size))};
        const ssize_t taken = ::recv(fd, packet.data.data(), packet.data.size(), MSG_DONTWAIT);
        if (taken == size)
            return packet;
        if (taken >= 0)
            return {NplStatus::failed, std::make_error_code(std::errc::protocol_error), {}};
        if (!passes(errno))
            return {NplStatus::failed, detail::last_error(), {}};
    }
}

/// Turns a stop request, from whichever thread, into a readable descriptor.
class StopEvent {
public:
    explicit StopEvent(const std::stop_token& stop)
        : fd_(stop.stop_possible() ? ::eventfd(0, EFD_CLOEXEC) : -1),
          failed_(stop.stop_possible() && fd_.get() < 0 ? detail::last_error() : std::error_code{}),
          callback_(stop, Signal{fd_.get()}) {}

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    [[nodiscard]] std::error_code error() const noexcept { return failed_; }

private:
    struct Signal {
        int fd;
        void operator()() const noexcept {
            const std::uint64_t one = 1;
            // Cannot fail: the counter of an eventfd has room for far more than one.
            [[maybe_unused]] const ssize_t written = ::write(fd, &one, sizeof one);
        }
    };

    detail::UniqueFd fd_;
    std::error_code failed_;
    std::stop_callback<Signal> callback_; ///< last: it may fire at once, and ends before fd_
};

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
    return next_message(deadline_in(timeout_ms), -1);
}

NplEnd Npl::listen(int timeout_ms, const Listener& on_message, std::stop_token stop) {
    const auto deadline = deadline_in(timeout_ms);
    const StopEvent stop_event(stop);
    if (stop_event.error())
        return {NplStatus::failed, stop_event.error()};
    while (!stop.stop_requested()) {
        const NplResult next = next_message(deadline, stop_event.fd());
        if (!next)
            return {next.status, next.error};
        if (!on_message(*next.message))
            break;
        if (Clock::now() >= deadline) // or a node that never stops sending would keep us here
            return {NplStatus::timeout, {}};
    }
    return {NplStatus::stopped, {}};
}

NplResult Npl::next_message(Clock::time_point deadline, int wake_fd) {
    if (held_.empty())
        return read_message(deadline, wake_fd);
    NplResult out{NplStatus::message, std::move(held_.front()), {}};
    held_.pop_front();
    return out;
}

NplResult Npl::read_message(Clock::time_point deadline, int wake_fd) {
    if (!fd_)
        return {NplStatus::closed, std::nullopt, {}};
    if (!pending_sender_) {
        const Packet packet = receive_packet(*fd_, wake_fd, deadline);
        if (packet.status != NplStatus::message)
            return {packet.status, std::nullopt, packet.error};
        pending_sender_ = PublicKey::from_hex(as_text(packet.data));
        if (!pending_sender_)
            return {NplStatus::failed, std::nullopt,
                    std::make_error_code(std::errc::protocol_error)};
    }
    Packet packet = receive_packet(*fd_, wake_fd, deadline);
    if (packet.status != NplStatus::message)
        return {packet.status, std::nullopt, packet.error};
    NplMessage message{*pending_sender_, *pending_sender_ == own_key_, std::move(packet.data)};
    pending_sender_.reset();
    return {NplStatus::message, std::move(message), {}};
}

void Npl::hold(NplMessage message) {
    const auto from_same =
        std::count_if(held_.begin(), held_.end(),
                      [&message](const NplMessage& held) { return held.sender == message.sender; });
    if (static_cast<std::size_t>(from_same) < held_per_sender_max)
        held_.push_back(std::move(message));
}

} // namespace hp::contract
