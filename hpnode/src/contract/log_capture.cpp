// SPDX-License-Identifier: Apache-2.0
#include "contract/log_capture.hpp"

#include <cerrno>
#include <unistd.h>

#include "hp/base/limits.hpp"

namespace hp::contract {

Result<LogCapture> LogCapture::open(const std::optional<config::RunAs>& user) {
    HP_TRY(os::FdPair pipe, os::pipe_pair());
    // Only our end: the two ends of a pipe have flags of their own.
    HP_TRY_STATUS(os::set_nonblocking(pipe.ours));
    if (user) { // or it could not open its stdout again by its name, /dev/stdout
        [[maybe_unused]] const int ignored = ::fchown(pipe.theirs.get(), user->uid, user->gid);
    }
    return LogCapture(std::move(pipe.ours), std::move(pipe.theirs));
}

void LogCapture::attach(ContractLogFile& file, std::uint64_t run, const std::string& title,
                        bool shared) {
    file_ = &file;
    run_ = run;
    title_ = title;
    shared_ = shared;
    if (!shared) {
        write({}); // a title for every consensus run, also one that is silent
    }
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
    const ByteView bytes = ByteView(buffer).first(static_cast<std::size_t>(count));
    if (!shared_) {
        write(bytes);
        return true;
    }
    append(held_, bytes);
    if (held_.size() > limits::contract_log_held_bytes_max) {
        const std::size_t line_end = as_text(held_).rfind('\n');
        const std::size_t size = line_end == std::string_view::npos ? held_.size() : line_end + 1;
        write(ByteView(held_).first(size));
        held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(size));
    }
    return true;
}

void LogCapture::flush() {
    if (!held_.empty()) {
        write(held_);
        held_.clear();
    }
}

void LogCapture::write(ByteView bytes) {
    if (file_ != nullptr && !file_->append(run_, title_, bytes)) {
        write_failed_ = true;
    }
}

void LogStreams::open(const RunSpec& spec, SpawnRequest& request, Notes& notes) {
    if (!spec.log) {
        return;
    }
    const std::array targets = {&request.stdout_fd, &request.stderr_fd};
    for (std::size_t i = 0; i < streams_.size(); ++i) {
        auto stream = LogCapture::open(spec.run_as);
        if (!stream) {
            notes.add("no contract log: " + stream.err().context);
            continue;
        }
        write_ends_[i] = stream->take_write_end();
        *targets[i] = write_ends_[i].get();
        streams_[i] = std::move(*stream);
    }
}

void LogStreams::close_write_ends() {
    write_ends_ = {};
}

void LogStreams::attach(const RunLog& log, std::uint64_t run, bool readonly) {
    const std::array files = {&log.files->out(), &log.files->err()};
    for (std::size_t i = 0; i < streams_.size(); ++i) {
        if (streams_[i]) {
            streams_[i]->attach(*files[i], run, log.title, readonly);
        }
    }
}

void LogStreams::add_sources(std::vector<EventSource>& sources, std::span<std::uint8_t> buffer) {
    for (std::optional<LogCapture>& stream : streams_) {
        if (stream) {
            LogCapture* const one = &*stream;
            sources.push_back({one->fd(), [one, buffer] { one->pump(buffer); }});
        }
    }
}

void LogStreams::drain(std::span<std::uint8_t> buffer, int reads_max, Notes& notes) {
    for (std::optional<LogCapture>& stream : streams_) {
        for (int reads = 0; reads < reads_max && stream && stream->pump(buffer); ++reads) {
        }
        if (stream) {
            stream->flush();
        }
        if (stream && stream->write_failed()) {
            notes.add("a part of the contract's log could not be written");
        }
    }
}

} // namespace hp::contract
