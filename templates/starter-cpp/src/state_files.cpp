// SPDX-License-Identifier: Apache-2.0
//
// Plain POSIX file work. Names, contents and modes are the same on every node whatever its umask
// is, because all three are part of what the cluster agrees on.
#include "state_files.hpp"

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tally {
namespace {

constexpr const char* total_file = "total.txt";
constexpr const char* text_file = "text.txt";
constexpr mode_t file_mode = 0644;

class File {
public:
    File(const char* name, int flags) : name_(name), fd_(::open(name, flags, file_mode)) {}
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() {
        if (is_open())
            ::close(fd_);
    }

    [[nodiscard]] bool is_open() const { return fd_ >= 0; }
    [[nodiscard]] int fd() const { return fd_; }
    [[noreturn]] void fail() const {
        throw std::system_error(errno, std::generic_category(), name_);
    }

private:
    const char* name_;
    int fd_;
};

/// Nothing if there is no such file.
std::optional<std::string> read_file(const char* name) {
    const File file(name, O_RDONLY | O_CLOEXEC);
    if (!file.is_open()) {
        if (errno == ENOENT)
            return std::nullopt;
        file.fail();
    }
    std::string content;
    char buffer[4096];
    for (;;) {
        const ssize_t got = ::read(file.fd(), buffer, sizeof buffer);
        if (got == 0)
            return content;
        if (got > 0)
            content.append(buffer, static_cast<std::size_t>(got));
        else if (errno != EINTR)
            file.fail();
    }
}

void write_all(const File& file, std::string_view content) {
    while (!content.empty()) {
        const ssize_t written = ::write(file.fd(), content.data(), content.size());
        if (written >= 0)
            content.remove_prefix(static_cast<std::size_t>(written));
        else if (errno != EINTR)
            file.fail();
    }
}

/// Under a second name first, then renamed over the old file.
void replace_file(const std::string& name, std::string_view content) {
    const std::string temporary = name + ".tmp";
    const File file(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
    if (!file.is_open() || ::fchmod(file.fd(), file_mode) != 0)
        file.fail();
    write_all(file, content);
    if (::rename(temporary.c_str(), name.c_str()) != 0)
        file.fail();
}

std::int64_t parse_total(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size())
        throw std::runtime_error("total.txt does not hold a number");
    return value;
}

} // namespace

State load() {
    State state;
    if (const auto total = read_file(total_file))
        state.total = parse_total(*total);
    state.text = read_file(text_file).value_or("");
    return state;
}

void save(const State& before, const State& after) {
    if (after.total != before.total)
        replace_file(total_file, std::to_string(after.total));
    if (after.text != before.text)
        replace_file(text_file, after.text);
}

} // namespace tally
