// SPDX-License-Identifier: Apache-2.0
#include "contract/process_tree.hpp"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hp/os/fd.hpp"

namespace hp::contract {
namespace {

// The list of children may have missed one; look again after this time even if none has exited.
constexpr int look_again_ms = 20;

std::vector<int> parse_pids(std::string_view text) {
    std::vector<int> pids;
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at < end) {
        int pid = 0;
        const auto [next, error] = std::from_chars(at, end, pid);
        if (error == std::errc()) {
            pids.push_back(pid);
        }
        at = next + 1; // over the space behind each number
    }
    return pids;
}

// False when there are no children left, dead or alive.
bool reap_exited() {
    for (;;) {
        const int pid = ::waitpid(-1, nullptr, WNOHANG | __WALL);
        if (pid <= 0) {
            return pid == 0;
        }
    }
}

} // namespace

Result<std::vector<int>> own_children() {
    const os::Fd file(::open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC));
    if (!file) {
        return fail(errno_error("cannot open /proc/thread-self/children", errno));
    }
    std::string text;
    std::uint8_t buffer[4096];
    for (;;) {
        HP_TRY(const std::size_t count, os::read_some(file.get(), buffer));
        if (count == 0) {
            return parse_pids(text);
        }
        text += as_text(ByteView(buffer).first(count));
    }
}

void kill_and_reap_all(int child_exit_fd) {
    while (reap_exited()) {
        const auto children = own_children();
        if (children) {
            for (const int pid : *children) {
                ::kill(pid, SIGKILL);
            }
        }
        pollfd wait{child_exit_fd, POLLIN, 0};
        ::poll(&wait, 1, look_again_ms);
        drain_signals(child_exit_fd);
    }
}

void kill_and_reap_namespace() {
    do {
        ::kill(-1, SIGKILL);
    } while (::waitpid(-1, nullptr, __WALL) > 0 || errno == EINTR);
}

void drain_signals(int signal_fd) {
    signalfd_siginfo infos[16];
    while (::read(signal_fd, infos, sizeof infos) > 0) {
    }
}

} // namespace hp::contract
