// SPDX-License-Identifier: Apache-2.0
#include "contract/log_capture.hpp"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include "hp/os/files.hpp"

namespace hp::contract {
namespace {

constexpr unsigned log_file_mode = 0664; // contract-protocol.md section 2

} // namespace

Result<LogCapture> LogCapture::open(const std::filesystem::path& file, ByteView title) {
    HP_TRY(os::Fd out, os::open_file(file, O_WRONLY | O_CREAT | O_APPEND, log_file_mode));
    HP_TRY_STATUS(os::write_all(out.get(), title));
    HP_TRY(os::FdPair pipe, os::pipe_pair());
    // Only our end: the two ends of a pipe have flags of their own.
    HP_TRY_STATUS(os::set_nonblocking(pipe.ours));
    return LogCapture(std::move(pipe.ours), std::move(pipe.theirs), std::move(out));
}

bool LogCapture::pump(std::span<std::uint8_t> buffer) {
    if (!read_end_) {
        return false;
    }
    ssize_t count = -1;
    do {
        count = ::read(read_end_.get(), buffer.data(), buffer.size());
    } while (count < 0 && errno == EINTR);
    if (count < 0 && errno == EAGAIN) {
        return false;
    }
    if (count <= 0) {
        read_end_.reset();
        return false;
    }
    if (!write_failed_) {
        const auto bytes = ByteView(buffer).first(static_cast<std::size_t>(count));
        write_failed_ = !os::write_all(file_.get(), bytes);
    }
    return true;
}

} // namespace hp::contract
