// SPDX-License-Identifier: Apache-2.0
#include "contract/trace_calls.hpp"

#include "hp/crypto/blake3.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <elf.h>
#include <fstream>
#include <sstream>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace hp::dev {

#if defined(__x86_64__)

namespace {

// Pinned clocks show this. They stand still until a run takes so long that it may be waiting for
// one of them.
constexpr std::int64_t pinned_wall_ns = 1'700'000'000'000'000'000;
constexpr std::int64_t pinned_mono_ns = 5'000'000'000'000;
constexpr int pinned_pid = 4242;

constexpr std::size_t stack_words = 512; // looked through for callers
constexpr std::size_t callers_max = 16;
constexpr std::size_t stacks_read_max = 2000;
constexpr std::size_t calls_kept_max = 500;
constexpr std::size_t answer_bytes_max = 1 << 20; // of a directory, of random bytes
constexpr std::size_t poisoned_bytes = 48 * 1024;

constexpr std::array traced = {long{SYS_clock_gettime},
                               long{SYS_gettimeofday},
                               long{SYS_time},
                               long{SYS_getrandom},
                               long{SYS_getpid},
                               long{SYS_getppid},
                               long{SYS_getdents64},
                               long{SYS_uname},
                               long{SYS_openat},
                               long{SYS_open},
                               long{SYS_sched_getaffinity},
                               long{SYS_clone},
                               long{SYS_clone3},
                               long{SYS_socket},
                               long{SYS_sysinfo}};

std::string name_of(long number) {
    switch (number) {
    case SYS_clock_gettime:
        return "clock_gettime";
    case SYS_gettimeofday:
        return "gettimeofday";
    case SYS_time:
        return "time";
    case SYS_getrandom:
        return "getrandom";
    case SYS_getpid:
        return "getpid";
    case SYS_getppid:
        return "getppid";
    case SYS_getdents64:
        return "getdents64";
    case SYS_uname:
        return "uname";
    case SYS_openat:
    case SYS_open:
        return "open";
    case SYS_sched_getaffinity:
        return "sched_getaffinity";
    case SYS_clone:
    case SYS_clone3:
        return "clone";
    case SYS_socket:
        return "socket";
    case SYS_sysinfo:
        return "sysinfo";
    default:
        return "?";
    }
}

bool is_wall_clock(std::uint64_t clock) {
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
}

bool is_uptime_clock(std::uint64_t clock) {
    return clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW ||
           clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_BOOTTIME;
}

// How much of it could be read.
std::size_t read_memory(pid_t pid, std::uint64_t address, void* to, std::size_t size) {
    const iovec local{to, size};
    const iovec remote{reinterpret_cast<void*>(address), size};
    const ssize_t got = ::process_vm_readv(pid, &local, 1, &remote, 1, 0);
    return got < 0 ? 0 : static_cast<std::size_t>(got);
}

bool write_memory(pid_t pid, std::uint64_t address, const void* from, std::size_t size) {
    const iovec local{const_cast<void*>(from), size};
    const iovec remote{reinterpret_cast<void*>(address), size};
    return ::process_vm_writev(pid, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(size);
}

std::string read_text(pid_t pid, std::uint64_t address) {
    std::array<char, 256> text{};
    const std::size_t got = read_memory(pid, address, text.data(), text.size() - 1);
    return std::string(text.data(), ::strnlen(text.data(), got));
}

// Files that are different on every machine, or change by themselves.
bool is_of_the_machine(const std::string& path) {
    return path.starts_with("/dev/urandom") || path.starts_with("/dev/random") ||
           path.starts_with("/proc/") || path.starts_with("/sys/") ||
           path.starts_with("/etc/localtime") || path.starts_with("/etc/hostname") ||
           path.starts_with("/etc/machine-id");
}

// The bytes before a return address are those of a call.
bool follows_call(pid_t pid, std::uint64_t address) {
    std::array<std::uint8_t, 7> code{};
    if (read_memory(pid, address - code.size(), code.data(), code.size()) != code.size()) {
        return false;
    }
    const auto is_indirect = [&code](std::size_t at) {
        return code[at] == 0xff && (code[at + 1] & 0x38) == 0x10;
    };
    return code[2] == 0xe8 || is_indirect(5) || is_indirect(4) || is_indirect(1) || is_indirect(3);
}

void fill_random(std::uint64_t seed, std::uint64_t number, std::span<std::uint8_t> out) {
    crypto::b3_extended(as_bytes(std::to_string(seed) + "/" + std::to_string(number)), out);
}

struct DirEntry {
    std::string name;
    Bytes record;
};

constexpr std::size_t record_length_at = 16;
constexpr std::size_t record_name_at = 19;
constexpr std::size_t record_next_at = 8;

std::vector<DirEntry> split_records(ByteView bytes) {
    std::vector<DirEntry> out;
    while (bytes.size() > record_name_at) {
        std::uint16_t length = 0;
        std::memcpy(&length, bytes.data() + record_length_at, sizeof length);
        if (length <= record_name_at || length > bytes.size()) {
            break;
        }
        const auto* name = reinterpret_cast<const char*>(bytes.data() + record_name_at);
        out.push_back({std::string(name, ::strnlen(name, length - record_name_at)),
                       Bytes(bytes.begin(), bytes.begin() + length)});
        bytes = bytes.subspan(length);
    }
    return out;
}

} // namespace

struct TraceCalls::Registers {
    user_regs_struct all{};

    bool read(pid_t pid) {
        iovec where{&all, sizeof all};
        return ::ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &where) == 0;
    }
    bool write(pid_t pid) {
        iovec where{&all, sizeof all};
        return ::ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &where) == 0;
    }
    long number() const { return static_cast<long>(all.orig_rax); }
    std::int64_t result() const { return static_cast<std::int64_t>(all.rax); }
    unsigned long long& name_register() { return number() == SYS_open ? all.rdi : all.rsi; }
};

std::span<const long> traced_call_numbers() {
    return traced;
}

TraceCalls::TraceCalls(const TracePlan& plan) : plan_(plan) {}

bool TraceCalls::on_entry(pid_t pid) {
    Registers at;
    if (!at.read(pid)) {
        return false;
    }
    const long number = at.number();
    std::string detail;
    if (number == SYS_openat || number == SYS_open) {
        detail = read_text(pid, number == SYS_open ? at.all.rdi : at.all.rsi);
        if (!is_of_the_machine(detail)) {
            return false;
        }
        record(pid, at, name_of(number), detail);
        return redirect(pid, at, detail);
    } else if (number == SYS_clock_gettime) {
        detail = is_wall_clock(at.all.rdi)     ? "wall clock"
                 : is_uptime_clock(at.all.rdi) ? "time since start"
                                               : "processor time";
    }
    record(pid, at, name_of(number), std::move(detail));
    return number != SYS_clone && number != SYS_clone3 && number != SYS_socket;
}

void TraceCalls::on_exit(pid_t pid) {
    Registers at;
    if (!at.read(pid)) {
        return;
    }
    if (const auto given = redirected_.find(pid); given != redirected_.end()) {
        at.name_register() = given->second; // programs may rely on the register's value
        redirected_.erase(given);
        at.write(pid);
        return;
    }
    if (at.result() < 0) {
        return;
    }
    switch (at.number()) {
    case SYS_sched_getaffinity:
        answer_cpus(pid, at);
        break;
    case SYS_clock_gettime:
    case SYS_gettimeofday:
    case SYS_time:
        answer_time(pid, at);
        break;
    case SYS_getrandom:
        answer_random(pid, at);
        break;
    case SYS_getpid:
    case SYS_getppid:
        if (plan_.pin_pid) {
            at.all.rax = pinned_pid;
            at.write(pid);
        }
        break;
    case SYS_getdents64:
        answer_directory(pid, at);
        break;
    case SYS_uname:
        answer_host(pid, at);
        break;
    default:
        break;
    }
}

std::int64_t TraceCalls::fake_ns(std::int64_t real_ns, bool wall) {
    if (!plan_.pin_time) {
        return real_ns + (wall ? plan_.time_shift_s * 1'000'000'000 : 0);
    }
    std::optional<std::int64_t>& first = wall ? first_wall_ns_ : first_mono_ns_;
    first = first.value_or(real_ns);
    const std::int64_t passed = real_ns - *first;
    const bool stands = passed < plan_.pinned_for_ms * 1'000'000;
    return (wall ? pinned_wall_ns : pinned_mono_ns) + (stands ? 0 : passed);
}

void TraceCalls::answer_time(pid_t pid, const Registers& at) {
    const long number = at.number();
    if (number == SYS_time) {
        Registers changed = at;
        const auto shown = fake_ns(at.result() * 1'000'000'000, true) / 1'000'000'000;
        changed.all.rax = static_cast<std::uint64_t>(shown);
        changed.write(pid);
        if (at.all.rdi != 0) {
            write_memory(pid, at.all.rdi, &shown, sizeof shown);
        }
        return;
    }
    const bool fine = number == SYS_clock_gettime; // nanoseconds, else microseconds
    const std::uint64_t where = fine ? at.all.rsi : at.all.rdi;
    if (fine && !is_wall_clock(at.all.rdi) && !is_uptime_clock(at.all.rdi) && !plan_.pin_time) {
        return;
    }
    std::array<std::int64_t, 2> time{};
    if (where == 0 || read_memory(pid, where, time.data(), sizeof time) != sizeof time) {
        return;
    }
    const std::int64_t unit = fine ? 1 : 1000;
    const std::int64_t shown =
        fake_ns(time[0] * 1'000'000'000 + time[1] * unit, !fine || is_wall_clock(at.all.rdi));
    time = {shown / 1'000'000'000, shown % 1'000'000'000 / unit};
    write_memory(pid, where, time.data(), sizeof time);
}

void TraceCalls::answer_random(pid_t pid, const Registers& at) {
    if (!plan_.pin_random) {
        return;
    }
    Bytes bytes(std::min(static_cast<std::size_t>(at.result()), answer_bytes_max));
    fill_random(plan_.seed, ++random_used_, bytes);
    write_memory(pid, at.all.rdi, bytes.data(), bytes.size());
}

void TraceCalls::answer_host(pid_t pid, const Registers& at) {
    if (!plan_.host_name.empty()) {
        std::array<char, sizeof(utsname::nodename)> name{};
        plan_.host_name.copy(name.data(), name.size() - 1);
        write_memory(pid, at.all.rdi + offsetof(utsname, nodename), name.data(), name.size());
    }
}

void TraceCalls::answer_cpus(pid_t pid, const Registers& at) {
    if (plan_.cpus == 0 || plan_.cpus >= 64) {
        return;
    }
    Bytes set(std::min(static_cast<std::size_t>(at.result()), answer_bytes_max));
    const std::uint64_t first = (std::uint64_t{1} << plan_.cpus) - 1;
    std::memcpy(set.data(), &first, std::min(set.size(), sizeof first));
    write_memory(pid, at.all.rdx, set.data(), set.size());
}

// The other name is put where the process keeps nothing: far below the end of its stack.
bool TraceCalls::redirect(pid_t pid, const Registers& at, const std::string& path) {
    constexpr std::uint64_t distance = 16 * 1024;
    const auto instead = plan_.redirected.find(path);
    if (instead == plan_.redirected.end()) {
        return false;
    }
    Registers changed = at;
    const std::uint64_t place = at.all.rsp - distance;
    if (!write_memory(pid, place, instead->second.c_str(), instead->second.size() + 1)) {
        return false;
    }
    redirected_[pid] = changed.name_register();
    changed.name_register() = place;
    return changed.write(pid);
}

// As much as one call gives, which is all of a directory that is not very large. Each place keeps
// its mark for going on from there.
void TraceCalls::answer_directory(pid_t pid, const Registers& at) {
    if (plan_.directories == TracePlan::Directories::as_they_are) {
        return;
    }
    Bytes bytes(std::min(static_cast<std::size_t>(at.result()), answer_bytes_max));
    if (read_memory(pid, at.all.rsi, bytes.data(), bytes.size()) != bytes.size()) {
        return;
    }
    std::vector<DirEntry> entries = split_records(bytes);
    std::vector<std::array<std::uint8_t, 8>> marks(entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
        std::memcpy(marks[i].data(), entries[i].record.data() + record_next_at, 8);
    }
    const bool shuffle = plan_.directories == TracePlan::Directories::shuffled;
    std::ranges::sort(entries, {}, [&](const DirEntry& entry) {
        return shuffle ? crypto::b3(as_bytes(std::to_string(plan_.seed) + entry.name)).hex()
                       : entry.name;
    });
    Bytes out;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        std::memcpy(entries[i].record.data() + record_next_at, marks[i].data(), 8);
        append(out, entries[i].record);
    }
    if (out.size() == bytes.size()) {
        write_memory(pid, at.all.rsi, out.data(), out.size());
    }
}

// The kernel has just laid out arguments, environment and its own table of facts on the stack. The
// page that answers questions about time without a call is taken out of that table.
void TraceCalls::on_exec(pid_t pid) {
    program_.clear();
    Registers at;
    if (!at.read(pid)) {
        return;
    }
    std::uint64_t place = at.all.rsp;
    std::uint64_t word = 0;
    const auto next = [&] {
        const bool got = read_memory(pid, place, &word, sizeof word) == sizeof word;
        place += sizeof word;
        return got;
    };
    if (!next()) {
        return;
    }
    place += (word + 1) * sizeof word; // the arguments
    while (next() && word != 0) {      // the environment
    }
    for (std::array<std::uint64_t, 2> fact{};
         read_memory(pid, place, fact.data(), sizeof fact) == sizeof fact && fact[0] != AT_NULL;
         place += sizeof fact) {
        if (fact[0] == AT_SYSINFO_EHDR) {
            const std::uint64_t ignore = AT_IGNORE;
            write_memory(pid, place, &ignore, sizeof ignore);
        } else if (fact[0] == AT_RANDOM && plan_.pin_random) {
            std::array<std::uint8_t, 16> bytes{};
            fill_random(plan_.seed, 0, bytes);
            write_memory(pid, fact[1], bytes.data(), bytes.size());
        }
    }
    if (plan_.poison_stack) {
        poison_stack(pid, at.all.rsp);
    }
}

void TraceCalls::poison_stack(pid_t pid, std::uint64_t stack) {
    Bytes bytes(poisoned_bytes);
    crypto::b3_extended(as_bytes("stack " + std::to_string(plan_.seed)), bytes);
    write_memory(pid, stack - bytes.size() - 128, bytes.data(), bytes.size());
}

void TraceCalls::find_program(pid_t pid) {
    const std::string proc = "/proc/" + std::to_string(pid);
    std::array<char, 4096> path{};
    const ssize_t length = ::readlink((proc + "/exe").c_str(), path.data(), path.size() - 1);
    program_.assign(path.data(), length < 0 ? 0 : static_cast<std::size_t>(length));
    text_.clear();
    std::ifstream maps(proc + "/maps");
    for (std::string line; std::getline(maps, line);) {
        unsigned long long begin = 0, end = 0, offset = 0;
        std::array<char, 5> rights{};
        if (std::sscanf(line.c_str(), "%llx-%llx %4s %llx", &begin, &end, rights.data(), &offset) ==
                4 &&
            rights[2] == 'x' && line.ends_with(" " + program_)) {
            text_.push_back({begin, end, offset});
        }
    }
}

// Everything on the stack that could be a return address into the program itself. Some of it may
// be left over from earlier calls.
std::vector<std::uint64_t> TraceCalls::callers(pid_t pid, std::uint64_t stack) {
    if (program_.empty()) {
        find_program(pid);
    }
    std::array<std::uint64_t, stack_words> words{};
    const std::size_t got = read_memory(pid, stack, words.data(), sizeof words) / sizeof words[0];
    std::vector<std::uint64_t> out;
    for (std::size_t i = 0; i < got && out.size() < callers_max; ++i) {
        for (const TextPart& part : text_) {
            if (words[i] > part.begin + 8 && words[i] < part.end && follows_call(pid, words[i])) {
                out.push_back(words[i] - part.begin + part.offset);
            }
        }
    }
    return out;
}

void TraceCalls::record(pid_t pid, const Registers& at, const std::string& name,
                        std::string detail) {
    std::vector<std::uint64_t> who;
    if (stacks_read_ < stacks_read_max) {
        ++stacks_read_;
        who = callers(pid, at.all.rsp);
    }
    Key key{name, std::move(detail), program_, std::move(who)};
    if (calls_.size() < calls_kept_max || calls_.contains(key)) {
        ++calls_[std::move(key)];
    }
}

void TraceCalls::write(const std::string& file) const {
    std::ofstream out(file);
    for (const auto& [key, count] : calls_) {
        out << encode_traced_call(
                   {std::get<0>(key), std::get<1>(key), std::get<2>(key), std::get<3>(key), count})
            << '\n';
    }
}

#else

struct TraceCalls::Registers {};

std::span<const long> traced_call_numbers() {
    return {};
}

TraceCalls::TraceCalls(const TracePlan& plan) : plan_(plan) {}
bool TraceCalls::on_entry(pid_t) {
    return false;
}
void TraceCalls::on_exit(pid_t) {}
void TraceCalls::on_exec(pid_t) {}
void TraceCalls::write(const std::string&) const {}

#endif

} // namespace hp::dev
