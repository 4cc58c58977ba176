// SPDX-License-Identifier: Apache-2.0
//
// Loops around read, pread, sendmsg and send. Frames go out as scatter lists, so that a header and
// its body reach the node in one call and no payload is ever copied.
//
// Threads: no shared state.
#include "io.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace hp::contract::detail {
namespace {

/// The kernel takes at most 1024 pieces per call (UIO_MAXIOV).
constexpr std::size_t pieces_max = 1024;
constexpr std::size_t frame_body_max = std::numeric_limits<std::uint32_t>::max();
/// From a pipe: what a pipe holds by default. Doubled whenever it is not enough.
constexpr std::size_t read_chunk_bytes = 65536;

using FrameHeader = std::array<std::byte, 4>;

FrameHeader make_header(std::size_t body_size) noexcept {
    const auto byte = [body_size](unsigned shift) {
        return static_cast<std::byte>((body_size >> shift) & 0xFFU);
    };
    return {byte(24), byte(16), byte(8), byte(0)};
}

iovec make_piece(BytesView bytes) noexcept {
    // iovec serves reading and writing and therefore has no const; sendmsg only reads.
    return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

/// A socket that some earlier owner left non-blocking still has to take everything.
std::error_code wait_writable(int fd) noexcept {
    pollfd entry{fd, POLLOUT, 0};
    while (::poll(&entry, 1, -1) < 0)
        if (errno != EINTR)
            return last_error();
    return {};
}

/// Drops `written` bytes from the front of `pieces`.
std::span<iovec> advance(std::span<iovec> pieces, std::size_t written) noexcept {
    while (!pieces.empty() && written >= pieces.front().iov_len) {
        written -= pieces.front().iov_len;
        pieces = pieces.subspan(1);
    }
    if (!pieces.empty()) {
        pieces.front().iov_base = static_cast<std::byte*>(pieces.front().iov_base) + written;
        pieces.front().iov_len -= written;
    }
    return pieces;
}

/// Writes all of `pieces` (at most pieces_max) to a stream socket.
std::error_code write_pieces(int fd, std::span<iovec> pieces) noexcept {
    while (!pieces.empty()) {
        msghdr message{};
        message.msg_iov = pieces.data();
        message.msg_iovlen = pieces.size();
        const ssize_t written = ::sendmsg(fd, &message, MSG_NOSIGNAL);
        if (written >= 0) {
            pieces = advance(pieces, static_cast<std::size_t>(written));
        } else if (errno == EAGAIN) {
            if (const auto error = wait_writable(fd))
                return error;
        } else if (errno != EINTR) {
            return last_error();
        }
    }
    return {};
}

} // namespace

std::error_code last_error() noexcept {
    const int code = errno == ECONNRESET ? EPIPE : errno;
    return {code, std::generic_category()};
}

UniqueFd::~UniqueFd() {
    if (fd_ >= 0)
        ::close(fd_);
}

std::error_code read_to_end(int fd, std::string& out) {
    struct stat info {};
    std::size_t used = out.size();
    // A file tells its size: take it in one call, and leave one byte to see the end in the next.
    if (::fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
        out.resize(used + static_cast<std::size_t>(info.st_size) + 1);
    for (;;) {
        if (used == out.size())
            out.resize(used + std::max(used, read_chunk_bytes));
        const ssize_t got = ::read(fd, out.data() + used, out.size() - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            out.resize(used);
            return got < 0 ? last_error() : std::error_code{};
        }
        used += static_cast<std::size_t>(got);
    }
}

std::error_code read_at(int fd, std::uint64_t offset, std::span<std::byte> out) {
    while (!out.empty()) {
        const ssize_t got = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return last_error();
        if (got == 0)
            return std::make_error_code(std::errc::io_error);
        out = out.subspan(static_cast<std::size_t>(got));
        offset += static_cast<std::uint64_t>(got);
    }
    return {};
}

std::error_code write_to_file(int fd, BytesView bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written >= 0)
            bytes = bytes.subspan(static_cast<std::size_t>(written));
        else if (errno != EINTR)
            return last_error();
    }
    return {};
}

std::error_code write_frame(int fd, std::span<const BytesView> parts) {
    std::size_t body_size = 0;
    for (const BytesView part : parts) {
        if (part.size() > frame_body_max - body_size)
            return std::make_error_code(std::errc::message_size);
        body_size += part.size();
    }
    FrameHeader header = make_header(body_size);
    std::array<iovec, pieces_max> pieces;
    pieces[0] = make_piece(header);
    std::size_t count = 1;
    do {
        const auto taken = parts.first(std::min(parts.size(), pieces_max - count));
        for (const BytesView part : taken)
            pieces[count++] = make_piece(part);
        if (const auto error = write_pieces(fd, std::span(pieces).first(count)))
            return error;
        parts = parts.subspan(taken.size());
        count = 0;
    } while (!parts.empty());
    return {};
}

std::error_code write_frames(int fd, std::span<const BytesView> messages) {
    std::array<FrameHeader, pieces_max / 2> headers;
    std::array<iovec, pieces_max> pieces;
    const auto too_large = [](BytesView message) { return message.size() > frame_body_max; };
    if (std::any_of(messages.begin(), messages.end(), too_large))
        return std::make_error_code(std::errc::message_size);
    while (!messages.empty()) {
        const auto taken = messages.first(std::min(messages.size(), headers.size()));
        for (std::size_t i = 0; i < taken.size(); ++i) {
            headers[i] = make_header(taken[i].size());
            pieces[2 * i] = make_piece(headers[i]);
            pieces[2 * i + 1] = make_piece(taken[i]);
        }
        if (const auto error = write_pieces(fd, std::span(pieces).first(2 * taken.size())))
            return error;
        messages = messages.subspan(taken.size());
    }
    return {};
}

std::error_code send_packet(int fd, BytesView packet, bool wait) {
    const int flags = MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT);
    while (::send(fd, packet.data(), packet.size(), flags) < 0) {
        if (errno == EAGAIN && wait) {
            if (const auto error = wait_writable(fd))
                return error;
        } else if (errno != EINTR) {
            return last_error();
        }
    }
    return {};
}

} // namespace hp::contract::detail
