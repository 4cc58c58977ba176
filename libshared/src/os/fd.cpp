// SPDX-License-Identifier: Apache-2.0
// The system calls behind fd.hpp. Every descriptor is made close-on-exec in the call that makes
// it, so that no fork in another thread can catch it without the flag.
#include "hp/os/fd.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace hp::os {
namespace {

Result<FdPair> socket_pair(int type) {
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) != 0) {
        return fail(errno_error("cannot make a socket pair", errno));
    }
    return FdPair{Fd(ends[0]), Fd(ends[1])};
}

} // namespace

void Fd::reset() {
    if (fd_ >= 0) {
        // Not repeated on EINTR: Linux has released the number already, and a second close could
        // hit a descriptor that another thread has just opened.
        ::close(std::exchange(fd_, -1));
    }
}

Result<FdPair> stream_pair() {
    return socket_pair(SOCK_STREAM);
}

Result<FdPair> seqpacket_pair() {
    return socket_pair(SOCK_SEQPACKET);
}

Result<FdPair> pipe_pair() {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        return fail(errno_error("cannot make a pipe", errno));
    }
    return FdPair{Fd(ends[0]), Fd(ends[1])};
}

Result<Fd> event_fd() {
    Fd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!fd) {
        return fail(errno_error("cannot make an eventfd", errno));
    }
    return fd;
}

Status set_nonblocking(const Fd& fd) {
    const int flags = ::fcntl(fd.get(), F_GETFL);
    if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
        return fail(errno_error("cannot make a descriptor non-blocking", errno));
    }
    return {};
}

Result<Fd> make_memfd(const char* name) {
    Fd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd) {
        return fail(errno_error("cannot make an anonymous file", errno));
    }
    return fd;
}

Status seal(const Fd& memfd) {
    constexpr int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    if (::fcntl(memfd.get(), F_ADD_SEALS, seals) != 0) {
        return fail(errno_error("cannot seal an anonymous file", errno));
    }
    return {};
}

Result<Fd> sealed_memfd(const char* name, ByteView content) {
    HP_TRY(Fd fd, make_memfd(name));
    // Positional, so that the offset stays 0 for whoever reads it from the start.
    HP_TRY_STATUS(write_all_at(fd.get(), content, 0));
    HP_TRY_STATUS(seal(fd));
    return fd;
}

Status write_all(int fd, ByteView bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(fd, bytes.data(), bytes.size());
        if (count >= 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(count));
        } else if (errno != EINTR) {
            return fail(errno_error("cannot write", errno));
        }
    }
    return {};
}

Status write_all_at(int fd, ByteView bytes, std::uint64_t offset) {
    while (!bytes.empty()) {
        const ssize_t count = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (count >= 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(count));
            offset += static_cast<std::uint64_t>(count);
        } else if (errno != EINTR) {
            return fail(errno_error("cannot write", errno));
        }
    }
    return {};
}

Result<std::size_t> read_some(int fd, std::span<std::uint8_t> buffer) {
    for (;;) {
        const ssize_t count = ::read(fd, buffer.data(), buffer.size());
        if (count >= 0) {
            return static_cast<std::size_t>(count);
        }
        if (errno != EINTR) {
            return fail(errno_error("cannot read", errno));
        }
    }
}

} // namespace hp::os
