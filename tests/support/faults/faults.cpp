// SPDX-License-Identifier: Apache-2.0
// libhp_faults.so: put in front of a real node with LD_PRELOAD, it makes the disk slow, the clock
// wrong, and the process die at a chosen moment of its storing, while the node runs. The file named
// by HP_FAULT_FILE says what is wrong just now; a test that maps or writes it changes that at once.
// Without the variable nothing is different. Everything is atomic; any thread.
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

namespace {

constexpr std::int64_t ms_per_s = 1000;
constexpr std::int64_t ns_per_ms = 1'000'000;
constexpr std::int64_t ns_per_s = ms_per_s * ns_per_ms;

// The content of the file, in the byte order of the machine (tests/js/lib/faults.mjs writes it).
struct Faults {
    std::atomic<std::int64_t> clock_ms;  // added to the time of day
    std::atomic<std::int64_t> sync_ms;   // how much longer each sync takes
    std::atomic<std::int64_t> die_at;    // at the n-th sync from now; 0: never
    std::atomic<std::int64_t> die_after; // 0: before that sync, 1: once it is done
    std::atomic<std::int64_t> syncs;     // counted here
};
static_assert(std::atomic<std::int64_t>::is_always_lock_free);

Faults* map_faults() {
    const char* path = std::getenv("HP_FAULT_FILE");
    const int fd = path != nullptr ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) {
        return nullptr;
    }
    void* mapped = mmap(nullptr, sizeof(Faults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return mapped == MAP_FAILED ? nullptr : static_cast<Faults*>(mapped);
}

// Libraries may ask for the time before this one's own constructors have run.
Faults* faults() {
    static Faults* const mapped = map_faults();
    return mapped;
}

template <class Function>
Function next(const char* name) {
    return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

void wait_ms(std::int64_t ms) {
    const timespec pause{ms / ms_per_s, (ms % ms_per_s) * ns_per_ms};
    nanosleep(&pause, nullptr);
}

[[noreturn]] void die() {
    kill(getpid(), SIGKILL);
    for (;;) {
        pause();
    }
}

template <class Sync>
int faulty_sync(Sync sync, int fd) {
    Faults* const wrong = faults();
    if (wrong == nullptr) {
        return sync(fd);
    }
    ++wrong->syncs;
    const bool dies = wrong->die_at > 0 && --wrong->die_at == 0;
    if (dies && wrong->die_after == 0) {
        die();
    }
    if (wrong->sync_ms > 0) {
        wait_ms(wrong->sync_ms);
    }
    const int result = sync(fd);
    if (dies) {
        die();
    }
    return result;
}

} // namespace

extern "C" {

int fsync(int fd) {
    static const auto real = next<int (*)(int)>("fsync");
    return faulty_sync(real, fd);
}

int fdatasync(int fd) {
    static const auto real = next<int (*)(int)>("fdatasync");
    return faulty_sync(real, fd);
}

int syncfs(int fd) noexcept {
    static const auto real = next<int (*)(int)>("syncfs");
    return faulty_sync(real, fd);
}

int clock_gettime(clockid_t clock, timespec* out) noexcept {
    static const auto real = next<int (*)(clockid_t, timespec*)>("clock_gettime");
    const int result = real(clock, out);
    const Faults* const wrong = faults();
    if (result == 0 && clock == CLOCK_REALTIME && wrong != nullptr && wrong->clock_ms != 0) {
        const std::int64_t ns = out->tv_sec * ns_per_s + out->tv_nsec + wrong->clock_ms * ns_per_ms;
        out->tv_sec = ns / ns_per_s;
        out->tv_nsec = ns % ns_per_s;
    }
    return result;
}

// The rest of the ways to ask for the time of day go the same way.
int gettimeofday(timeval* __restrict out, void* __restrict) noexcept {
    timespec now{};
    const int result = clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return result;
}

time_t time(time_t* out) noexcept {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != nullptr) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}
}
