// SPDX-License-Identifier: Apache-2.0
//
// fork and exec.
//
// Threads: see process.hpp.
#include "process.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hp::contract::testing::detail {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int not_started = 125;

std::vector<char*> make_pointers(std::vector<std::string>& strings) {
    std::vector<char*> out;
    for (std::string& text : strings)
        out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

/// Runs in the child. Only calls that are safe after fork.
[[noreturn]] void exec_program(const ProcessSpec& spec, char* const* argv, char* const* envp) {
    ::setpgid(0, 0);
    ::dup2(spec.stdin_fd, STDIN_FILENO);
    ::dup2(spec.stdout_fd, STDOUT_FILENO);
    ::dup2(spec.stderr_fd, STDERR_FILENO);
    ::umask(spec.umask);
    // What the test runner itself inherited is not part of the run. (Not glibc's close_range: it
    // came with 2.34 only.)
    ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
    for (const int fd : spec.inherited)
        ::fcntl(fd, F_SETFD, 0);
    if (spec.directory.empty() || ::chdir(spec.directory.c_str()) == 0)
        ::execve(argv[0], argv, envp);
    ::_exit(not_started);
}

} // namespace

Process::Process(const ProcessSpec& spec) {
    std::vector<std::string> args{spec.program};
    args.insert(args.end(), spec.args.begin(), spec.args.end());
    std::vector<std::string> environment = spec.environment;
    const std::vector<char*> argv = make_pointers(args);
    const std::vector<char*> envp = make_pointers(environment);
    pid_ = ::fork();
    if (pid_ < 0)
        fail("fork");
    if (pid_ == 0)
        exec_program(spec, argv.data(), envp.data());
    // Not glibc's pidfd_open: its header lacks C linkage before 2.37.
    pid_fd_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)), "pidfd_open");
}

Process::~Process() {
    if (pid_ <= 0)
        return;
    kill();
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

void Process::wait(int timeout_ms) const {
    const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        pollfd entry{ended_fd(), POLLIN, 0};
        if (left.count() <= 0 || ::poll(&entry, 1, static_cast<int>(left.count())) >= 0)
            return;
        if (errno != EINTR)
            fail("poll");
    }
}

void Process::kill() noexcept {
    ::kill(-pid_, SIGKILL);
    ::kill(pid_, SIGKILL); // in case it did not come as far as its own group
}

int Process::collect() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0)
        if (errno != EINTR)
            fail("waitpid");
    pid_ = -1;
    return status;
}

} // namespace hp::contract::testing::detail
