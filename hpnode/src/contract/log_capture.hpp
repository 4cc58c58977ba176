// SPDX-License-Identifier: Apache-2.0
// A contract's stdout or stderr on its way into a log file: a pipe that the runner empties. The
// contract never waits for the disk's errors: what cannot be written is dropped. One owner.
#pragma once

#include <filesystem>
#include <span>

#include "hp/os/fd.hpp"

namespace hp::contract {

class LogCapture {
public:
    // Appends `title` to the file, which is made when missing.
    static Result<LogCapture> open(const std::filesystem::path& file, ByteView title);

    // The contract's end: to be passed on and then closed.
    os::Fd take_write_end() { return std::move(write_end_); }
    int fd() const { return read_end_.get(); }

    // Moves what is waiting, at most one buffer. False when nothing was: at the end of the pipe it
    // is closed then, fd() is -1.
    bool pump(std::span<std::uint8_t> buffer);
    bool write_failed() const { return write_failed_; }

private:
    LogCapture(os::Fd read_end, os::Fd write_end, os::Fd file)
        : read_end_(std::move(read_end)), write_end_(std::move(write_end)), file_(std::move(file)) {
    }

    os::Fd read_end_;
    os::Fd write_end_;
    os::Fd file_;
    bool write_failed_ = false;
};

} // namespace hp::contract
