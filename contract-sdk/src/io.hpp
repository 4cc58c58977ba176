// SPDX-License-Identifier: Apache-2.0
//
// The few system calls the SDK makes, each complete: restarted after signals, continued after short
// transfers, never raising SIGPIPE (private).
//
// Threads: no shared state; a descriptor must be used by one writer at a time.
#pragma once

#include <hp/contract/bytes.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace hp::contract::detail {

/// The current errno as an error value. A reset counts as a broken pipe: which of the two the
/// kernel reports for a closed channel depends on timing, and a contract must not see a difference.
[[nodiscard]] std::error_code last_error() noexcept;

/// Owns one file descriptor.
class UniqueFd {
public:
    explicit UniqueFd(int fd) noexcept : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;
    ~UniqueFd();

    [[nodiscard]] int get() const noexcept { return fd_; }

private:
    int fd_;
};

/// Appends everything up to the end of the file to `out`.
std::error_code read_to_end(int fd, std::string& out);

/// Fills `out` from `offset`; errc::io_error if the file ends before.
std::error_code read_at(int fd, std::uint64_t offset, std::span<std::byte> out);

/// Writes all of `bytes` at the file's position.
std::error_code write_to_file(int fd, BytesView bytes);

/// One frame (u32 big-endian length, bytes) whose body is made of `parts`.
std::error_code write_frame(int fd, std::span<const BytesView> parts);

/// One frame per message.
std::error_code write_frames(int fd, std::span<const BytesView> messages);

/// One packet on a SEQPACKET socket. `wait` false: errc::resource_unavailable_try_again when full.
std::error_code send_packet(int fd, BytesView packet, bool wait);

} // namespace hp::contract::detail
