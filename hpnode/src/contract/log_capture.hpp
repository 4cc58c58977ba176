// SPDX-License-Identifier: Apache-2.0
// A process's stdout and stderr on their way into the contract's log: pipes that the runner
// empties. The process never waits for the disk's errors: what cannot be written is dropped. One
// owner.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "contract/channels.hpp"
#include "contract/contract_log.hpp"
#include "contract/launcher.hpp"
#include "contract/process_end.hpp"
#include "contract/run.hpp"
#include "hp/os/fd.hpp"

namespace hp::contract {

// One stream.
class LogCapture {
public:
    static Result<LogCapture> open(const std::optional<config::RunAs>& user);

    // The process's end: to be passed on and then closed.
    os::Fd take_write_end() { return std::move(write_end_); }
    int fd() const { return read_end_.get(); }

    // Where it goes, before the first pump(). A shared file gets whole blocks: what is captured is
    // held back up to a limit until flush().
    void attach(ContractLogFile& file, std::uint64_t run, const std::string& title, bool shared);

    // Moves what is waiting, at most one buffer. False when nothing was: at the end of the pipe it
    // is closed then, fd() is -1.
    bool pump(std::span<std::uint8_t> buffer);
    void flush();
    bool write_failed() const { return write_failed_; }

private:
    LogCapture(os::Fd read_end, os::Fd write_end)
        : read_end_(std::move(read_end)), write_end_(std::move(write_end)) {}
    void write(ByteView bytes);

    os::Fd read_end_;
    os::Fd write_end_;
    ContractLogFile* file_ = nullptr;
    std::uint64_t run_ = 0;
    std::string title_;
    bool shared_ = false;
    Bytes held_;
    bool write_failed_ = false;
};

// Both streams of one process.
class LogStreams {
public:
    // Makes the pipes and names their ends in `request`. Without a log the process keeps the
    // node's own stdout and stderr; the same when there is no pipe to be had, with a note:
    // consensus must not depend on logs.
    void open(const RunSpec& spec, SpawnRequest& request, Notes& notes);
    void close_write_ends(); // once the request is sent
    bool is_open() const { return streams_[0] || streams_[1]; }

    // `run` from ContractLog::next_run().
    void attach(const RunLog& log, std::uint64_t run, bool readonly);
    // For the loop that waits for the process; they borrow this object and the buffer.
    void add_sources(std::vector<EventSource>& sources, std::span<std::uint8_t> buffer);
    // After the end of the process.
    void drain(std::span<std::uint8_t> buffer, int reads_max, Notes& notes);

private:
    std::array<std::optional<LogCapture>, 2> streams_; // stdout, stderr
    std::array<os::Fd, 2> write_ends_;
};

} // namespace hp::contract
