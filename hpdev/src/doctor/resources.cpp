// SPDX-License-Identifier: Apache-2.0
#include "cluster/ports.hpp"
#include "doctor/doctor.hpp"
#include "hp/os/fd.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <fcntl.h>
#include <fstream>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/timex.h>
#include <unistd.h>

namespace hp::dev {
namespace {

using State = cli::Check::State;

constexpr std::uint64_t mib = 1024 * 1024;

void check_ports(cli::Checks& out) {
    constexpr std::array<std::uint16_t, 2> begins = {8081, 22861};
    std::string busy;
    for (const std::uint16_t begin : begins) {
        for (std::uint16_t port = begin; port < begin + 3; ++port) {
            if (is_port_busy(port)) {
                busy += (busy.empty() ? "" : ", ") + std::to_string(port);
            }
        }
    }
    // In use is no problem: a cluster that runs already has them.
    out.push_back({"ports", State::ok,
                   busy.empty() ? "8081 to 8083 and 22861 to 22863 are free"
                                : "in use: " + busy + "; new clusters take the next free ones"});
}

void check_space(const fs::path& folder, cli::Checks& out) {
    constexpr std::uint64_t needed = 200 * mib; // three nodes, their logs, a build
    constexpr std::uint64_t comfortable = 2048 * mib;
    std::error_code error;
    const fs::space_info space = fs::space(folder, error);
    if (error) {
        out.push_back({"disk space", State::fail, folder.string() + ": " + error.message(),
                       "work in another folder (-C)"});
        return;
    }
    const State state = space.available < needed        ? State::fail
                        : space.available < comfortable ? State::warn
                                                        : State::ok;
    out.push_back({"disk space", state,
                   std::to_string(space.available / mib) + " MiB free in " + folder.string(),
                   state == State::ok ? "" : "hpdev down --all --rm removes a project's clusters"});
}

// The median of some small writes with fsync, in µs; absent when nothing can be written.
std::optional<std::int64_t> time_fsync_us(const fs::path& folder) {
    constexpr int tries = 7;
    std::string name = (folder / ".hp-doctor-XXXXXX").string();
    const os::Fd file(::mkostemp(name.data(), O_CLOEXEC));
    if (file.get() < 0) {
        return std::nullopt;
    }
    ::unlink(name.c_str());
    const std::array<char, 4096> block{};
    std::array<std::int64_t, tries> times_us{};
    for (std::int64_t& time_us : times_us) {
        const auto before = std::chrono::steady_clock::now();
        if (::write(file.get(), block.data(), block.size()) != ssize_t{block.size()} ||
            ::fsync(file.get()) != 0) {
            return std::nullopt;
        }
        time_us = std::chrono::duration_cast<std::chrono::microseconds>(
                      std::chrono::steady_clock::now() - before)
                      .count();
    }
    std::ranges::sort(times_us);
    return times_us[tries / 2];
}

void check_fsync(const fs::path& folder, cli::Checks& out) {
    constexpr std::int64_t slow_us = 30'000; // a node does a few in each round
    const auto time_us = time_fsync_us(folder);
    if (!time_us) {
        out.push_back({"fsync", State::fail, "cannot write in " + folder.string(),
                       "work in a folder of your own (-C)"});
        return;
    }
    const bool slow = *time_us > slow_us;
    out.push_back({"fsync", slow ? State::warn : State::ok,
                   std::to_string(*time_us) + " us for 4 KiB",
                   slow ? "rounds take longer than they should; hpdev up --in-memory" : ""});
}

void check_memory(cli::Checks& out) {
    constexpr std::uint64_t needed_kib = 512 * 1024;
    std::ifstream info("/proc/meminfo");
    std::string name;
    std::uint64_t kib = 0;
    std::string unit;
    while (info >> name >> kib && std::getline(info, unit)) {
        if (name == "MemAvailable:") {
            const bool low = kib < needed_kib;
            out.push_back({"memory", low ? State::warn : State::ok,
                           std::to_string(kib / 1024) + " MiB available",
                           low ? "a node takes about 20 MiB, NodeJS 40 MiB for each" : ""});
            return;
        }
    }
}

void check_limit(const std::string& what, __rlimit_resource resource, rlim_t needed,
                 const std::string& cure, cli::Checks& out) {
    rlimit limit{};
    if (::getrlimit(resource, &limit) != 0) {
        return;
    }
    const bool low = limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < needed;
    out.push_back({what, low ? State::warn : State::ok,
                   limit.rlim_cur == RLIM_INFINITY ? "unlimited" : std::to_string(limit.rlim_cur),
                   low ? cure : ""});
}

void check_clock(cli::Checks& out) {
    timex now{};
    const int state = ::adjtimex(&now);
    const bool loose = state < 0 || state == TIME_ERROR || (now.status & STA_UNSYNC) != 0;
    out.push_back(
        {"clock", loose ? State::warn : State::ok,
         loose ? "nobody keeps it right" : "kept right by a time service",
         loose ? "matters with nodes on other machines only: timedatectl set-ntp true" : ""});
}

} // namespace

void check_resources(const fs::path& folder, cli::Checks& out) {
    check_ports(out);
    check_space(folder, out);
    check_fsync(folder, out);
    check_memory(out);
    check_limit("open files", RLIMIT_NOFILE, 1024, "ulimit -n 4096", out);
    check_limit("processes", RLIMIT_NPROC, 1024, "ulimit -u 4096", out);
    check_clock(out);
}

} // namespace hp::dev
