// SPDX-License-Identifier: Apache-2.0
#include "cluster/process_mark.hpp"

#include "hp/os/fd.hpp"
#include "hp/os/files.hpp"

#include <csignal>
#include <ctime>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>
#include <sys/syscall.h>
#include <unistd.h>

namespace hp::dev {
namespace {

constexpr std::size_t proc_file_bytes_max = 64 * 1024;

std::string proc_file(const std::string& name) {
    const auto text = os::read_file("/proc/" + name, proc_file_bytes_max);
    return text ? to_text(*text) : std::string();
}

std::string boot_id() {
    std::string out = proc_file("sys/kernel/random/boot_id");
    while (!out.empty() && out.back() == '\n') {
        out.pop_back();
    }
    return out;
}

struct Stat {
    char state = 'X';
    int parent = 0;
    std::uint64_t cpu_ticks = 0;
    std::uint64_t start_ticks = 0;
    std::uint64_t rss_pages = 0;
};

// proc(5): "pid (name) state ppid ...", where a name may hold anything.
std::optional<Stat> stat_of(int pid) {
    const std::string text = proc_file(std::to_string(pid) + "/stat");
    const std::size_t name_end = text.rfind(") ");
    if (name_end == std::string::npos) {
        return std::nullopt;
    }
    std::istringstream in(text.substr(name_end + 2));
    Stat out;
    std::string skipped;
    std::uint64_t user = 0;
    std::uint64_t system = 0;
    in >> out.state >> out.parent;
    for (int field = 5; field < 14; ++field) {
        in >> skipped;
    }
    in >> user >> system;
    for (int field = 16; field < 22; ++field) {
        in >> skipped;
    }
    in >> out.start_ticks >> skipped >> out.rss_pages;
    out.cpu_ticks = user + system;
    return in ? std::optional(out) : std::nullopt;
}

std::multimap<int, int> processes_by_parent() {
    std::multimap<int, int> out;
    std::error_code error;
    for (const auto& item : std::filesystem::directory_iterator("/proc", error)) {
        const std::string name = item.path().filename();
        if (name.find_first_not_of("0123456789") != std::string::npos) {
            continue;
        }
        const int pid = std::stoi(name);
        if (const auto stat = stat_of(pid)) {
            out.emplace(stat->parent, pid);
        }
    }
    return out;
}

// A zombie has ended; only its parent does not know yet.
bool has_ended(const Stat& stat) {
    return stat.state == 'Z' || stat.state == 'X';
}

} // namespace

ProcessMark mark_of(int pid) {
    const auto stat = stat_of(pid);
    return stat && !has_ended(*stat) ? ProcessMark{pid, stat->start_ticks, boot_id()}
                                     : ProcessMark{};
}

bool is_alive(const ProcessMark& mark) {
    if (mark.pid <= 0) {
        return false;
    }
    const auto stat = stat_of(mark.pid);
    return stat && !has_ended(*stat) && stat->start_ticks == mark.start_time &&
           boot_id() == mark.boot_id;
}

bool signal_process(const ProcessMark& mark, int signal) {
    // The descriptor keeps meaning the process that it was opened for.
    const os::Fd process(static_cast<int>(::syscall(SYS_pidfd_open, mark.pid, 0)));
    return process && is_alive(mark) &&
           ::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) == 0;
}

ProcessUse use_of(const ProcessMark& mark) {
    const auto stat = stat_of(mark.pid);
    if (!stat || stat->start_ticks != mark.start_time) {
        return {};
    }
    const auto ticks_per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    const double age_s = static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9 -
                         static_cast<double>(stat->start_ticks) / ticks_per_second;
    const double cpu_s = static_cast<double>(stat->cpu_ticks) / ticks_per_second;
    const auto page_kib = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) / 1024;
    return {stat->rss_pages * page_kib, age_s > 0 ? cpu_s / age_s * 100 : 0};
}

std::vector<int> children_of(int pid) {
    const std::multimap<int, int> processes = processes_by_parent();
    std::vector<int> out;
    const auto [begin, end] = processes.equal_range(pid);
    for (auto child = begin; child != end; ++child) {
        out.push_back(child->second);
    }
    return out;
}

std::vector<ProcessMark> descendants_of(int pid) {
    const std::multimap<int, int> processes = processes_by_parent();
    std::vector<ProcessMark> out;
    std::vector<int> parents = {pid};
    while (!parents.empty()) {
        const auto [begin, end] = processes.equal_range(parents.back());
        parents.pop_back();
        for (auto child = begin; child != end; ++child) {
            out.push_back(mark_of(child->second));
            parents.push_back(child->second);
        }
    }
    return out;
}

} // namespace hp::dev
