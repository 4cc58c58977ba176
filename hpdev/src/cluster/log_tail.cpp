// SPDX-License-Identifier: Apache-2.0
#include "cluster/log_tail.hpp"

#include "hp/os/files.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hp::dev {
namespace {

constexpr std::uint64_t tail_bytes_max = 1 << 20;
constexpr std::size_t line_bytes_max = 64 * 1024; // longer ones are shown in pieces

void add_lines(std::string& partial, std::string_view more, std::vector<std::string>& lines) {
    for (const char c : more) {
        if (c == '\n' || partial.size() >= line_bytes_max) {
            lines.push_back(std::move(partial));
            partial.clear();
        }
        if (c != '\n') {
            partial += c;
        }
    }
}

} // namespace

std::vector<std::string> tail_of(const fs::path& path, std::size_t lines_max) {
    std::vector<std::string> out;
    const auto file = os::open_file(path, O_RDONLY);
    struct stat info {};
    if (!file || ::fstat(file->get(), &info) != 0 || lines_max == 0) {
        return out;
    }
    const auto size = static_cast<std::uint64_t>(info.st_size);
    std::uint64_t offset = size > tail_bytes_max ? size - tail_bytes_max : 0;
    const bool cut = offset > 0;
    std::string partial;
    std::array<char, 64 * 1024> buffer{};
    for (;;) {
        const ssize_t got =
            ::pread(file->get(), buffer.data(), buffer.size(), static_cast<off_t>(offset));
        if (got <= 0) {
            break;
        }
        offset += static_cast<std::uint64_t>(got);
        add_lines(partial, {buffer.data(), static_cast<std::size_t>(got)}, out);
    }
    if (!partial.empty()) {
        out.push_back(std::move(partial));
    }
    if (cut && !out.empty()) {
        out.erase(out.begin()); // begins in the middle
    }
    if (out.size() > lines_max) {
        out.erase(out.begin(), out.end() - static_cast<std::ptrdiff_t>(lines_max));
    }
    return out;
}

LogFollower::LogFollower(fs::path path) : path_(std::move(path)) {
    struct stat info {};
    open_at(::stat(path_.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0);
}

void LogFollower::open_at(std::uint64_t offset) {
    auto file = os::open_file(path_, O_RDONLY);
    file_ = file ? std::move(*file) : os::Fd();
    offset_ = offset;
}

bool LogFollower::was_replaced() const {
    struct stat ours {};
    struct stat named {};
    return ::fstat(file_.get(), &ours) == 0 && ::stat(path_.c_str(), &named) == 0 &&
           (ours.st_ino != named.st_ino || ours.st_dev != named.st_dev ||
            static_cast<std::uint64_t>(named.st_size) < offset_);
}

void LogFollower::read_rest(std::vector<std::string>& lines) {
    std::array<char, 64 * 1024> buffer{};
    for (;;) {
        const ssize_t got =
            ::pread(file_.get(), buffer.data(), buffer.size(), static_cast<off_t>(offset_));
        if (got <= 0) {
            return;
        }
        offset_ += static_cast<std::uint64_t>(got);
        add_lines(partial_, {buffer.data(), static_cast<std::size_t>(got)}, lines);
    }
}

std::vector<std::string> LogFollower::read_new() {
    std::vector<std::string> out;
    if (!file_) {
        open_at(0);
    }
    if (!file_) {
        return out;
    }
    read_rest(out);
    if (was_replaced()) {
        open_at(0);
        if (file_) {
            read_rest(out);
        }
    }
    return out;
}

} // namespace hp::dev
