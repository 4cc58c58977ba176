// SPDX-License-Identifier: Apache-2.0
// Owned file descriptors. Every descriptor this project opens is close-on-exec; the few that a
// contract inherits are passed on purpose. Not thread safe by itself; move between threads freely.
#pragma once

#include <span>
#include <utility>

#include "hp/base/bytes.hpp"
#include "hp/base/result.hpp"

namespace hp::os {

class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    ~Fd() { reset(); }
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    int release() { return std::exchange(fd_, -1); }
    void reset();

private:
    int fd_ = -1;
};

struct FdPair {
    Fd ours;
    Fd theirs;
};

Result<FdPair> stream_pair();    // AF_UNIX SOCK_STREAM
Result<FdPair> seqpacket_pair(); // AF_UNIX SOCK_SEQPACKET
Result<FdPair> pipe_pair();      // ours reads what theirs writes
Result<Fd> event_fd();
Status set_nonblocking(const Fd& fd);

// An anonymous file. seal() ends every way to change it, through any descriptor and for ever.
Result<Fd> make_memfd(const char* name);
Status seal(const Fd& memfd);
// Both in one: `content`, offset 0, sealed.
Result<Fd> sealed_memfd(const char* name, ByteView content);

// Whole-buffer write and read with EINTR and short counts handled.
Status write_all(int fd, ByteView bytes);
Status write_all_at(int fd, ByteView bytes, std::uint64_t offset);
Result<std::size_t> read_some(int fd, std::span<std::uint8_t> buffer); // 0 at end of file

} // namespace hp::os
