// SPDX-License-Identifier: Apache-2.0
#include "hp/os/dir_lock.hpp"

#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/file.h>
#include <thread>
#include <unistd.h>

#include "hp/os/files.hpp"

namespace hp::os {
namespace {

constexpr std::int64_t retry_ms = 10;

// 0 when nothing useful is recorded: the holder is between taking the lock and writing its pid.
pid_t recorded_pid(const Fd& fd) {
    char text[32] = {};
    const ssize_t size = ::pread(fd.get(), text, sizeof text, 0);
    pid_t pid = 0;
    if (size > 0) {
        std::from_chars(text, text + size, pid);
    }
    return pid > 0 ? pid : 0;
}

// A process that ended but was not yet waited for has closed its files; for us it is gone.
bool is_zombie(pid_t pid) {
    const auto stat = read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
    if (!stat) {
        return false;
    }
    const std::string_view text = as_text(*stat); // "pid (name) state ...", any name
    const std::size_t name_end = text.rfind(") ");
    if (name_end == std::string_view::npos || name_end + 2 >= text.size()) {
        return false;
    }
    const char state = text[name_end + 2];
    return state == 'Z' || state == 'X';
}

bool is_alive(pid_t pid) {
    return (::kill(pid, 0) == 0 || errno == EPERM) && !is_zombie(pid);
}

// True when taken, false when another open file holds it.
Result<bool> try_lock(const Fd& fd, const std::filesystem::path& path) {
    while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) {
            return false;
        }
        if (errno != EINTR) {
            return fail(errno_error("cannot lock " + path.string(), errno));
        }
    }
    return true;
}

Status record_pid(const Fd& fd, const std::filesystem::path& path) {
    const std::string text = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd.get(), 0) != 0 ||
        ::pwrite(fd.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
        return fail(errno_error("cannot write " + path.string(), errno));
    }
    return {};
}

std::string held_by(const std::filesystem::path& path, pid_t pid, bool alive) {
    if (pid == 0) {
        return path.string() + " is locked by another process";
    }
    const std::string number = std::to_string(pid);
    return alive ? path.string() + " is locked by process " + number
                 : path.string() + " is still locked by helpers of process " + number +
                       ", which has ended";
}

} // namespace

Result<DirLock> DirLock::acquire(const std::filesystem::path& lock_file, std::int64_t wait_ms) {
    HP_TRY(Fd fd, open_file(lock_file, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    const auto start = std::chrono::steady_clock::now();
    for (;;) {
        HP_TRY(const bool taken, try_lock(fd, lock_file));
        if (taken) {
            HP_TRY_STATUS(record_pid(fd, lock_file));
            return DirLock(std::move(fd));
        }
        const pid_t pid = recorded_pid(fd);
        const bool alive = pid != 0 && is_alive(pid);
        if (alive ||
            std::chrono::steady_clock::now() - start >= std::chrono::milliseconds(wait_ms)) {
            return fail(Errc::exists, held_by(lock_file, pid, alive));
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(retry_ms));
    }
}

} // namespace hp::os
