// SPDX-License-Identifier: Apache-2.0
//
// Uses up what a node may limit: processor time, memory, descriptors, patience.
//
// Threads: main thread only.
#include "probe.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace hp::probe {
namespace {

constexpr unsigned long mib = 1UL << 20U;
constexpr unsigned long alloc_mib_max = 4096;
constexpr unsigned long files_max = 10'000;
constexpr unsigned long stubborn_ms_max = 60'000;
constexpr std::clock_t spin_seconds_max = 30;

/// Processor time, whatever else the machine does.
void spin(Call& call) {
    while (std::clock() / CLOCKS_PER_SEC < spin_seconds_max) {
    }
    call.user.send("never limited");
}

/// One block of memory, every page of it used.
void allocate(Call& call) {
    unsigned long size_mib = 0;
    if (!parse_number(call, alloc_mib_max, size_mib))
        return;
    const std::size_t size = size_mib * mib;
    void* const block =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED)
        return send_error(call.user, errno_name(errno));
    auto* const bytes = static_cast<volatile char*>(block);
    for (std::size_t at = 0; at < size; at += 4096)
        bytes[at] = 'x';
    ::munmap(block, size);
    call.user.send("ok");
}

/// "<opened> <errno name or ok>".
void open_files(Call& call) {
    unsigned long count = 0;
    if (!parse_number(call, files_max, count))
        return;
    std::vector<int> fds;
    while (fds.size() < count) {
        const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            break;
        fds.push_back(fd);
    }
    const std::string_view end = outcome(fds.size() == count);
    call.user.send(std::to_string(fds.size()) + " " + std::string(end));
    for (const int fd : fds)
        ::close(fd);
}

/// Ignores what can be ignored, and so do a child in its group and one in a session of its own.
void stubborn(Call&) {
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE})
        ::signal(number, SIG_IGN);
    if (::fork() == 0 && ::fork() == 0)
        ::setsid();
    // A line of each of the three; a read request cannot write any.
    const int fd = ::open("stubborn.txt", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    write_all(fd, "process\n");
    sleep_ms(stubborn_ms_max);
    ::_exit(0);
}

constexpr std::array probes{
    Probe{"alloc", true, allocate},
    Probe{"openfiles", true, open_files},
    Probe{"spin", false, spin},
    Probe{"stubborn", false, stubborn},
};

} // namespace

std::span<const Probe> limit_probes() {
    return probes;
}

} // namespace hp::probe
