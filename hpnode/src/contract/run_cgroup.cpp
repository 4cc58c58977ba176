// SPDX-License-Identifier: Apache-2.0
#include "contract/run_cgroup.hpp"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <dirent.h>
#include <fcntl.h>
#include <fstream>
#include <memory>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

#include "hp/base/limits.hpp"
#include "hp/os/files.hpp"

namespace hp::contract {
namespace {

constexpr std::string_view name_prefix = "hpnode-";

// "0::/path" of /proc/self/cgroup.
std::string own_path() {
    std::ifstream file("/proc/self/cgroup");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("0::")) {
            return line.substr(3);
        }
    }
    return "";
}

// Where version 2 is mounted; its root in field 4 of mountinfo is taken off the own path.
std::string mount_point(const std::string& path) {
    std::ifstream file("/proc/self/mountinfo");
    for (std::string line; std::getline(file, line);) {
        if (line.find(" - cgroup2 ") == std::string::npos) {
            continue;
        }
        std::istringstream fields(line);
        std::string id, parent, device, root, point;
        fields >> id >> parent >> device >> root >> point;
        const std::string below =
            root == "/" ? path : path.substr(std::min(root.size(), path.size()));
        return point + below;
    }
    return "";
}

bool write_at(int directory, const char* name, std::string_view text) {
    const os::Fd file(::openat(directory, name, O_WRONLY | O_CLOEXEC));
    return file &&
           ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// The process in "hpnode-<pid>-<number>".
int owner_of(std::string_view name) {
    name.remove_prefix(name_prefix.size());
    int pid = 0;
    std::from_chars(name.data(), name.data() + name.size(), pid);
    return pid;
}

} // namespace

Result<CgroupParent> CgroupParent::open() {
    const std::string path = own_path();
    const std::string directory = path.empty() ? "" : mount_point(path);
    if (directory.empty()) {
        return fail(Errc::unsupported, "no cgroup version 2");
    }
    os::Fd own(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!own) {
        return fail(Errc::unsupported, errno_error("cannot open " + directory, errno).context);
    }
    CgroupParent parent(std::move(own),
                        std::string(name_prefix) + std::to_string(::getpid()) + "-");
    parent.remove_stale();
    const os::Fd group(parent.make(0));
    if (!group || ::faccessat(group.get(), "cgroup.kill", W_OK, 0) != 0) {
        parent.remove(0);
        return fail(Errc::unsupported, "cgroups may not be made in " + directory);
    }
    if (::faccessat(group.get(), "pids.max", W_OK, 0) == 0) {
        parent.controllers_.emplace_back("pids");
    }
    parent.remove(0);
    return parent;
}

CgroupParent::~CgroupParent() = default;

int CgroupParent::make(unsigned number) const {
    const std::string name = prefix_ + std::to_string(number);
    if (::mkdirat(own_.get(), name.c_str(), 0755) != 0 && errno != EEXIST) {
        return -1;
    }
    const int group = ::openat(own_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (group >= 0) {
        write_at(group, "pids.max", std::to_string(limits::run_processes_max)); // where it is there
    }
    return group;
}

bool CgroupParent::kill(int group) {
    return write_at(group, "cgroup.kill", "1");
}

void CgroupParent::remove(unsigned number) const {
    ::unlinkat(own_.get(), (prefix_ + std::to_string(number)).c_str(), AT_REMOVEDIR);
}

void CgroupParent::remove_stale() const {
    const std::unique_ptr<DIR, int (*)(DIR*)> list(
        ::fdopendir(::openat(own_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), ::closedir);
    while (const dirent* entry = list ? ::readdir(list.get()) : nullptr) {
        const std::string_view name = entry->d_name;
        if (name.starts_with(name_prefix) && ::kill(owner_of(name), 0) != 0 && errno == ESRCH) {
            ::unlinkat(own_.get(), entry->d_name, AT_REMOVEDIR); // fails while it has processes
        }
    }
}

} // namespace hp::contract
