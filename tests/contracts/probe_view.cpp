// SPDX-License-Identifier: Apache-2.0
//
// What the process finds when it starts: document, descriptors, environment, arguments, directory.
// Lists go out as one message, one entry per line.
//
// Threads: main thread only.
#include "probe.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <map>

#include <dirent.h>
#include <unistd.h>

namespace hp::probe {
namespace {

std::string join_lines(std::span<char* const> entries) {
    std::string out;
    for (const char* entry : entries) {
        if (entry != entries.front())
            out += '\n';
        out += entry;
    }
    return out;
}

void document(Call& call) {
    call.user.send(call.context.document());
}

void environment(Call& call) {
    std::size_t count = 0;
    while (environ != nullptr && environ[count] != nullptr)
        ++count;
    call.user.send(join_lines({environ, count}));
}

void arguments(Call& call) {
    call.user.send(join_lines(call.args));
}

void directory(Call& call) {
    std::array<char, PATH_MAX> path{};
    if (::getcwd(path.data(), path.size()) == nullptr)
        return send_error(call.user, errno_name(errno));
    call.user.send(std::string_view(path.data()));
}

std::string link_target(int fd) {
    std::array<char, PATH_MAX> target{};
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
    return size < 0 ? "?" : std::string(target.data(), static_cast<std::size_t>(size));
}

void descriptors(Call& call) {
    DIR* const dir = ::opendir("/proc/self/fd");
    if (dir == nullptr)
        return send_error(call.user, errno_name(errno));
    std::map<int, std::string> open; // by number: directory order means nothing
    while (const dirent* entry = ::readdir(dir)) {
        const int fd = std::atoi(entry->d_name);
        if (entry->d_name[0] != '.' && fd != ::dirfd(dir))
            open.emplace(fd, link_target(fd));
    }
    ::closedir(dir);
    std::string out;
    for (const auto& [fd, target] : open) {
        if (!out.empty())
            out += '\n';
        out += std::to_string(fd) + " " + target;
    }
    call.user.send(out);
}

constexpr std::array probes{
    Probe{"context", false, document}, Probe{"env", false, environment},
    Probe{"args", false, arguments},   Probe{"cwd", false, directory},
    Probe{"fds", false, descriptors},
};

} // namespace

std::span<const Probe> view_probes() {
    return probes;
}

} // namespace hp::probe
