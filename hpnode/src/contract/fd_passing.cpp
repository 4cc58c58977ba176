// SPDX-License-Identifier: Apache-2.0
#include "contract/fd_passing.hpp"

#include <cerrno>
#include <ctime>
#include <sys/socket.h>

#include "hp/base/check.hpp"

namespace hp::contract {
namespace {

// An unprivileged user may have only so many descriptors on their way (ETOOMANYREFS). The other
// side is taking them off, so a short wait is the answer.
constexpr int in_flight_retries_max = 2000;
constexpr timespec in_flight_wait = {0, 1'000'000};

struct ControlBuffer {
    alignas(cmsghdr) char data[CMSG_SPACE(fds_per_packet_max * sizeof(int))];
};

void attach(msghdr& message, ControlBuffer& control, std::span<const int> fds) {
    message.msg_control = control.data;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
}

void collect(msghdr& message, std::vector<int>& fds) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
            const std::size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            fds.resize(fds.size() + count);
            std::memcpy(fds.data() + fds.size() - count, CMSG_DATA(c), count * sizeof(int));
        }
    }
}

} // namespace

Status send_packet(int socket, ByteView bytes, std::span<const int> fds) {
    HP_CHECK(!bytes.empty() && fds.size() <= fds_per_packet_max, "a packet the kernel refuses");
    ControlBuffer control{};
    iovec part{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!fds.empty()) {
        attach(message, control, fds);
    }
    for (int retries = 0;; ++retries) {
        if (::sendmsg(socket, &message, MSG_NOSIGNAL) >= 0) {
            return {};
        }
        if (errno == ETOOMANYREFS && retries < in_flight_retries_max) {
            ::nanosleep(&in_flight_wait, nullptr);
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return fail(Errc::closed, "the other side of the socket is closed");
        } else if (errno != EINTR) {
            return fail(errno_error("cannot send a packet", errno));
        }
    }
}

Result<std::size_t> receive_packet(int socket, std::span<std::uint8_t> buffer,
                                   std::vector<int>& fds) {
    ControlBuffer control{};
    iovec part{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data;
    message.msg_controllen = sizeof control.data;
    ssize_t count = -1;
    do {
        count = ::recvmsg(socket, &message, 0);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        return fail(errno_error("cannot receive a packet", errno));
    }
    collect(message, fds);
    if ((message.msg_flags & MSG_CTRUNC) != 0) {
        return fail(Errc::too_large, "no room for the descriptors of a packet");
    }
    return static_cast<std::size_t>(count);
}

} // namespace hp::contract
