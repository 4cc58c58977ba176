// SPDX-License-Identifier: Apache-2.0
#include "cluster/dashboard_process.hpp"

#include "child_start.hpp"
#include "clock.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <unistd.h>

namespace hp::dev {
namespace {

constexpr std::size_t answer_bytes_max = 64 * 1024;

// In the child, between fork and exec: nothing that allocates or locks. Its notes go where ours do.
[[noreturn]] void become_dashboard(const char* const* words, int output, pid_t parent) {
    begin_child(parent, SIGKILL);
    if (::dup2(output, STDOUT_FILENO) < 0) {
        ::_exit(127);
    }
    ::execv("/proc/self/exe", const_cast<char* const*>(words)); // also when the file was replaced
    ::_exit(127);
}

} // namespace

Expected<DashboardProcess> start_dashboard(const Cluster& cluster) {
    HP_DEV_TRY(os::FdPair pipe, os::pipe_pair());
    const std::string folder = cluster.project.string();
    const std::array<const char*, 8> words = {"hpdev",        "dashboard", "-C",
                                              folder.c_str(), "--cluster", cluster.name.c_str(),
                                              "--json",       nullptr};
    const pid_t self = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) {
        become_dashboard(words.data(), pipe.theirs.get(), self);
    }
    if (child < 0) {
        return cli::failure(cli::ErrorId::failed,
                            errno_error("cannot start the dashboard", errno).context);
    }
    return DashboardProcess{child, std::move(pipe.ours)};
}

Expected<std::string> read_dashboard_url(DashboardProcess& process, std::int64_t timeout_ms) {
    const std::int64_t deadline_ms = now_mono_ms() + timeout_ms;
    std::string text;
    while (text.find('\n') == std::string::npos && text.size() < answer_bytes_max) {
        pollfd ready{process.output.get(), POLLIN, 0};
        const std::int64_t left_ms = std::max<std::int64_t>(0, deadline_ms - now_mono_ms());
        std::array<char, 4096> chunk{};
        if (::poll(&ready, 1, static_cast<int>(left_ms)) <= 0) {
            break;
        }
        const ssize_t got = ::read(process.output.get(), chunk.data(), chunk.size());
        if (got <= 0) {
            break;
        }
        text.append(chunk.data(), static_cast<std::size_t>(got));
    }
    process.output.reset();
    const auto answer = parse_object(text);
    const Json url = answer ? answer->value("url", Json()) : Json();
    return url.is_string() ? Expected<std::string>(url.get<std::string>())
                           : cli::failure(cli::ErrorId::failed, "the dashboard did not start");
}

} // namespace hp::dev
