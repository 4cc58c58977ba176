// SPDX-License-Identifier: Apache-2.0
//
// Bad ends and bad company: crashes, hangs, swarms of processes, signals to others, hunger for
// memory.
//
// Threads: main thread only.
#include "bad.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <fstream>
#include <new>

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace hp::bad {
namespace {

constexpr std::size_t swarm_max = 2000;
constexpr std::size_t memory_step_bytes = std::size_t{16} * 1024 * 1024;

[[noreturn]] void live_out() {
    ::alarm(0);
    for (unsigned seconds = 0; seconds < life_seconds_max; ++seconds)
        sleep_ms(1000);
    ::_exit(0);
}

void ignore_signals() {
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGQUIT})
        ::signal(signal, SIG_IGN);
}

std::string crash(Call&) {
    ::signal(SIGSEGV, SIG_DFL);
    ::raise(SIGSEGV);
    return "survived";
}

std::string exit_now(Call& call) {
    ::_exit(static_cast<int>(number(call.argument)));
}

/// Deaf to everything but SIGKILL.
std::string hang(Call&) {
    ignore_signals();
    live_out();
}

std::string stop_self(Call&) {
    ::raise(SIGSTOP);
    return "continued";
}

/// Stops whoever watches over this process, then ends as if nothing were wrong.
std::string stop_parent(Call&) {
    return outcome(::kill(::getppid(), SIGSTOP) == 0);
}

std::string stop_parent_and_hang(Call&) {
    ::kill(::getppid(), SIGSTOP);
    ignore_signals();
    live_out();
}

std::string kill_parent(Call&) {
    const std::string result = outcome(::kill(::getppid(), SIGKILL) == 0);
    sleep_ms(200); // alive or not is the parent's question now
    return result;
}

/// Everything this process may send signals to. For the superuser that would be the machine.
std::string kill_all(Call&) {
    std::ifstream map("/proc/self/uid_map");
    unsigned inside = 0;
    unsigned outside = 0;
    map >> inside >> outside;
    if (!map || (::geteuid() == inside && outside == 0))
        return "refused: this is the superuser";
    return outcome(::kill(-1, SIGKILL) == 0);
}

/// Every process forks twice until there are as many as asked for; some leave the process group.
std::string fork_bomb(Call& call) {
    void* const page =
        ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return outcome(false);
    auto& count = *new (page) std::atomic<std::size_t>(1);
    const std::size_t wanted = std::min(number(call.argument), swarm_max);
    const pid_t first = ::getpid();
    ignore_signals();
    while (count.fetch_add(1) < wanted) {
        const pid_t child = ::fork();
        if (child < 0)
            break;
        if (child == 0 && count.load() % 3 == 0)
            ::setsid();
    }
    if (::getpid() != first)
        live_out();
    return "swarm of " + std::to_string(std::min(count.load(), wanted));
}

/// The contract ends; its grandchild keeps every descriptor, has its own session, and goes on.
std::string start_daemon(Call&) {
    if (::fork() == 0) {
        ::setsid();
        if (::fork() == 0) {
            ignore_signals();
            ::prctl(PR_SET_PDEATHSIG, 0);
            const int fd = ::open("daemon.txt", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
            for (unsigned spent_ms = 0; spent_ms < 1000 * life_seconds_max; spent_ms += 10) {
                write_all(fd, "tick\n");
                sleep_ms(10);
            }
        }
        ::_exit(0);
    }
    sleep_ms(100);
    return "daemon started";
}

/// A clone that is nobody's child in the usual sense: no signal at its end.
std::string start_clone(Call&) {
    if (::syscall(SYS_clone, 0, nullptr, nullptr, nullptr, 0) == 0) {
        ::setsid();
        ignore_signals();
        live_out();
    }
    return "clone started";
}

std::string close_all(Call&) {
    ::close_range(0, ~0U, 0);
    sleep_ms(100);
    return "";
}

/// Shuts the channels instead, so that the node's ends see an end of file at once.
std::string shut_all(Call& call) {
    for (const char* name : {"control_fd", "npl_fd"})
        ::shutdown(document_number(call.context, name), SHUT_RDWR);
    ::shutdown(call.user.output_fd(), SHUT_RDWR);
    sleep_ms(300); // a node that spins on them has the time to show it
    return "";
}

/// Touches memory until there is no more or the number of bytes asked for is reached.
std::string eat_memory(Call& call) {
    const std::size_t wanted = number(call.argument);
    std::size_t eaten = 0;
    while (eaten < wanted) {
        void* const step = ::mmap(nullptr, memory_step_bytes, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (step == MAP_FAILED)
            return outcome(false) + " after " + std::to_string(eaten);
        std::memset(step, 1, memory_step_bytes);
        eaten += memory_step_bytes;
    }
    return "ate " + std::to_string(eaten);
}

std::string spin(Call&) {
    ignore_signals();
    ::alarm(life_seconds_max);
    std::atomic<unsigned long> turns(0);
    for (;;)
        turns.fetch_add(1);
}

constexpr std::array behaviours{
    Behaviour{"crash", crash},
    Behaviour{"exit", exit_now},
    Behaviour{"hang", hang},
    Behaviour{"spin", spin},
    Behaviour{"stop_self", stop_self},
    Behaviour{"stop_parent", stop_parent},
    Behaviour{"stop_parent_and_hang", stop_parent_and_hang},
    Behaviour{"kill_parent", kill_parent},
    Behaviour{"kill_all", kill_all},
    Behaviour{"fork_bomb", fork_bomb},
    Behaviour{"daemon", start_daemon},
    Behaviour{"clone", start_clone},
    Behaviour{"close_all", close_all},
    Behaviour{"shut_all", shut_all},
    Behaviour{"memory", eat_memory},
};

} // namespace

std::span<const Behaviour> process_behaviours() {
    return behaviours;
}

} // namespace hp::bad
