// SPDX-License-Identifier: Apache-2.0
//
// How the process behaves and ends: exit codes, crashes, hangs, left-over children, noisy streams.
// Whatever should be killed by the node ends by itself in the end, so that a failing test leaves no
// process behind for good.
//
// Threads: main thread only.
#include "probe.hpp"

#include <array>
#include <csignal>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hp::probe {
namespace {

constexpr unsigned long hang_ms_max = 900'000; // three times the default exec_timeout
constexpr unsigned long daemon_ms_max = 60'000;
constexpr unsigned long daemon_period_ms = 20;
constexpr unsigned long sleep_ms_max = 3'600'000;
constexpr std::size_t fill_bytes = 10'000'000;

/// A core file in the working directory would become part of the contract's state.
void disable_core_files() {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
}

bool append(const char* name, std::string_view text) {
    const int fd = ::open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        return false;
    const bool done = write_all(fd, text);
    ::close(fd);
    return done;
}

void crash(Call&) {
    disable_core_files();
    append("crash.txt", "written before the crash\n");
    ::signal(SIGSEGV, SIG_DFL); // a sanitizer's handler would turn the signal into an exit code
    ::raise(SIGSEGV);
}

void exit_now(Call& call) {
    unsigned long code = 0;
    if (parse_number(call, 255, code))
        ::_exit(static_cast<int>(code));
}

void hang(Call&) {
    sleep_ms(hang_ms_max);
}

void sleep_for(Call& call) {
    unsigned long duration_ms = 0;
    if (!parse_number(call, sleep_ms_max, duration_ms))
        return;
    sleep_ms(duration_ms);
    call.user.send("slept");
}

[[noreturn]] void run_daemon(int started_fd) {
    append("daemon.txt", "pid " + std::to_string(::getpid()) + "\n");
    write_all(started_fd, "s");
    ::close(started_fd);
    for (unsigned long spent_ms = 0; spent_ms < daemon_ms_max; spent_ms += daemon_period_ms) {
        append("daemon.txt", "tick\n");
        sleep_ms(daemon_period_ms);
    }
    ::_exit(0);
}

/// Double fork and a session of its own: out of reach of waitpid and of the process group. The
/// channels stay open in the daemon, as they would in a careless contract.
void start_daemon(Call& call) {
    std::array<int, 2> started{};
    if (::pipe2(started.data(), O_CLOEXEC) != 0)
        return send_error(call.user, errno_name(errno));
    const pid_t child = ::fork();
    if (child < 0)
        return send_error(call.user, errno_name(errno));
    if (child == 0) {
        ::setsid();
        if (::fork() == 0)
            run_daemon(started[1]);
        ::_exit(0);
    }
    ::close(started[1]);
    ::waitpid(child, nullptr, 0);
    char byte = 0;
    const bool running = ::read(started[0], &byte, 1) == 1;
    ::close(started[0]);
    call.user.send(running ? "daemon started" : "error:daemon");
}

void fill_pipe(Call& call) {
    const std::string line = std::string(99, 'x') + '\n';
    std::string chunk;
    while (chunk.size() < 50'000)
        chunk += line;
    for (std::size_t sent = 0; sent < fill_bytes; sent += chunk.size()) {
        write_all(STDOUT_FILENO, chunk);
        write_all(STDERR_FILENO, chunk);
    }
    call.user.send("filled");
}

constexpr std::array probes{
    Probe{"crash", false, crash},         Probe{"exit", true, exit_now},
    Probe{"hang", false, hang},           Probe{"sleep", true, sleep_for},
    Probe{"daemon", false, start_daemon}, Probe{"fillpipe", false, fill_pipe},
};

} // namespace

std::span<const Probe> process_probes() {
    return probes;
}

} // namespace hp::probe
