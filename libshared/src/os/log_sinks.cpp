// SPDX-License-Identifier: Apache-2.0
#include "hp/os/log_sinks.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fcntl.h>
#include <mutex>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "hp/os/fd.hpp"
#include "hp/os/files.hpp"

namespace hp::os {
namespace {

std::string local_time_now() {
    using namespace std::chrono;
    const auto now = system_clock::now();
    const std::time_t seconds = system_clock::to_time_t(floor<std::chrono::seconds>(now));
    const auto millis = duration_cast<milliseconds>(now.time_since_epoch()).count() % 1000;
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    const std::size_t size = std::strftime(text.data(), text.size(), "%Y%m%d %H:%M:%S", &parts);
    std::array<char, 8> fraction{};
    std::snprintf(fraction.data(), fraction.size(), ".%03d", static_cast<int>(millis));
    return std::string(text.data(), size) + fraction.data();
}

std::string format_line(LogLevel level, std::string_view module, std::string_view text) {
    std::string out = local_time_now();
    out += " [";
    out += to_string(level);
    out += "][";
    out += module;
    out += "] ";
    for (const char c : text) {
        if (c == '\n') {
            out += "\n    "; // a continuation must not look like a record
        } else {
            out += (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 0x7F ? '?' : c;
        }
    }
    out += '\n';
    return out;
}

// The live file and its older siblings. Not thread safe.
class RotatingFile {
public:
    static Result<RotatingFile> open(const LogFileOptions& options) {
        RotatingFile out(options);
        HP_TRY_STATUS(out.open_live());
        return out;
    }

    void write(const std::string& line) {
        if (options_.bytes_per_file_max != 0 && size_ > 0 && size_ + line.size() > rotate_at_) {
            rotate();
        }
        if (lost_ > 0) {
            const std::string note = format_line(
                LogLevel::warning, "log",
                "lines lost because the log could not be written count=" + std::to_string(lost_));
            if (!append_line(note)) {
                ++lost_;
                return;
            }
            lost_ = 0;
        }
        if (!append_line(line)) {
            ++lost_;
        }
    }

private:
    explicit RotatingFile(const LogFileOptions& options) : options_(options) {}

    Status open_live() {
        HP_TRY(Fd fd, open_file(options_.path, O_WRONLY | O_APPEND | O_CREAT, 0644));
        struct stat info {};
        if (::fstat(fd.get(), &info) != 0) {
            return fail(errno_error("cannot examine " + options_.path.string(), errno));
        }
        fd_ = std::move(fd);
        size_ = static_cast<std::size_t>(info.st_size);
        rotate_at_ = options_.bytes_per_file_max;
        return {};
    }

    // The whole line or nothing of it.
    bool append_line(const std::string& line) {
        if (write_all(fd_.get(), as_bytes(line))) {
            size_ += line.size();
            return true;
        }
        // Part of it may have reached a disk that is now full.
        [[maybe_unused]] const int ignored = ::ftruncate(fd_.get(), static_cast<off_t>(size_));
        return false;
    }

    // <stem>.<number><extension>, as hp.1.log
    std::filesystem::path older(std::size_t number) const {
        const std::filesystem::path& live = options_.path;
        std::filesystem::path name = live.stem();
        name += "." + std::to_string(number);
        name += live.extension();
        return live.parent_path() / name;
    }

    bool is_there(std::size_t number) const { return ::access(older(number).c_str(), F_OK) == 0; }

    void rotate() {
        if (options_.files_max <= 1) {
            if (::ftruncate(fd_.get(), 0) == 0) {
                size_ = 0;
            }
            return;
        }
        shift_older();
        const bool moved = ::rename(options_.path.c_str(), older(1).c_str()) == 0;
        if ((!moved && errno != ENOENT) || !open_live()) {
            // Go on in the file that is open, and try again only after another file's worth.
            rotate_at_ = size_ + options_.bytes_per_file_max;
        }
    }

    // Makes room for number 1. Also removes what a larger files_max left behind.
    void shift_older() {
        const std::size_t kept_max = options_.files_max - 1;
        std::size_t count = 0;
        while (is_there(count + 1)) {
            ++count;
        }
        while (count >= kept_max && ::unlink(older(count).c_str()) == 0) {
            --count;
        }
        for (std::size_t number = count; number > 0; --number) {
            std::rename(older(number).c_str(), older(number + 1).c_str());
        }
    }

    LogFileOptions options_;
    Fd fd_;
    std::size_t size_ = 0;
    std::size_t rotate_at_ = 0;
    unsigned long long lost_ = 0;
};

class Sink final : public LogSink {
public:
    Sink(bool console, std::optional<RotatingFile> file)
        : console_(console), file_(std::move(file)) {}

    void write(LogLevel level, std::string_view module, std::string_view text) override {
        const std::lock_guard lock(mutex_); // also keeps the times in the file in order
        const std::string line = format_line(level, module, text);
        if (console_) {
            // A console that is gone is not worth a word: there is nobody to read it.
            static_cast<void>(write_all(STDERR_FILENO, as_bytes(line)));
        }
        if (file_) {
            file_->write(line);
        }
    }

private:
    std::mutex mutex_;
    bool console_;
    std::optional<RotatingFile> file_;
};

} // namespace

Result<std::shared_ptr<LogSink>> make_log_sink(bool console, const LogFileOptions* file) {
    if (!console && file == nullptr) {
        return fail(Errc::invalid, "a log needs a console, a file or both");
    }
    ::tzset();
    std::optional<RotatingFile> rotating;
    if (file != nullptr) {
        HP_TRY(rotating, RotatingFile::open(*file));
    }
    return std::shared_ptr<LogSink>(std::make_shared<Sink>(console, std::move(rotating)));
}

} // namespace hp::os
