// SPDX-License-Identifier: Apache-2.0
#include "contract/mounts.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/if.h>
#include <linux/mount.h>

#include "hp/os/files.hpp"

namespace hp::contract {
namespace {

constexpr unsigned long empty_flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

Status unsupported(std::string_view doing) {
    return fail(Errc::unsupported, errno_error(doing, errno).context);
}

Status write_proc(const char* path, const std::string& text) {
    HP_TRY(const os::Fd file, os::open_file(path, O_WRONLY));
    return os::write_all(file.get(), as_bytes(text));
}

// The same user and group inside as outside, and nobody else.
Status keep_identity(uid_t uid, gid_t gid) {
    HP_TRY_STATUS(write_proc("/proc/self/setgroups", "deny"));
    const std::string user = std::to_string(uid);
    const std::string group = std::to_string(gid);
    HP_TRY_STATUS(write_proc("/proc/self/uid_map", user + " " + user + " 1"));
    return write_proc("/proc/self/gid_map", group + " " + group + " 1");
}

// Through an open directory, so that it can be put back where it was covered.
Status bind(int from, const std::string& to) {
    const std::string source = "/proc/self/fd/" + std::to_string(from);
    return ::mount(source.c_str(), to.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0
               ? Status()
               : unsupported("cannot bind " + to);
}

Status bind_over_itself(const std::string& directory) {
    HP_TRY(const os::Fd here, os::open_file(directory, O_PATH | O_DIRECTORY));
    return bind(here.get(), directory);
}

// Of the mount there and those below it; everything else about them stays.
Status set_read_only(const std::string& directory, bool read_only) {
    mount_attr change{};
    (read_only ? change.attr_set : change.attr_clr) = MOUNT_ATTR_RDONLY;
    return ::syscall(SYS_mount_setattr, AT_FDCWD, directory.c_str(), AT_RECURSIVE, &change,
                     sizeof change) == 0
               ? Status()
               : unsupported((read_only ? "cannot write-protect " : "cannot open for writing ") +
                             directory);
}

bool is_below(const std::string& path, const std::string& directory) {
    return path.starts_with(directory + "/");
}

Status mount_empty(const std::string& directory, const char* options) {
    return ::mount("hp-empty", directory.c_str(), "tmpfs",
                   empty_flags & ~static_cast<unsigned long>(MS_NOEXEC), options) == 0
               ? Status()
               : unsupported("cannot cover " + directory);
}

// Mounts of the host still appear here, ours never there.
Status detach_mounts() {
    return ::mount(nullptr, "/", nullptr, MS_SLAVE | MS_REC, nullptr) == 0
               ? Status()
               : unsupported("cannot detach the mount namespace");
}

} // namespace

Status enter_mount_namespace() {
    if (::unshare(CLONE_NEWNS) != 0) {
        const uid_t uid = ::geteuid();
        const gid_t gid = ::getegid();
        if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
            return unsupported("no mount namespace");
        }
        HP_TRY_STATUS(keep_identity(uid, gid));
    }
    return detach_mounts();
}

Status enter_own_mounts() {
    return ::unshare(CLONE_NEWNS) == 0 ? detach_mounts() : unsupported("no mount namespace");
}

Status make_read_only(const std::string& directory) {
    HP_TRY_STATUS(bind_over_itself(directory));
    return set_read_only(directory, true);
}

Status make_writable(const std::string& directory) {
    HP_TRY_STATUS(bind_over_itself(directory));
    return set_read_only(directory, false);
}

Status hide(const std::string& directory) {
    if (::access(directory.c_str(), F_OK) != 0) {
        return {}; // nothing to hide
    }
    return ::mount("hp-empty", directory.c_str(), "tmpfs", empty_flags | MS_RDONLY,
                   "mode=0755,nr_inodes=1") == 0
               ? Status()
               : unsupported("cannot hide " + directory);
}

Status make_system_read_only(const std::string& kept) {
    HP_TRY(const os::Fd kept_fd, os::open_file(kept, O_PATH | O_DIRECTORY));
    HP_TRY_STATUS(set_read_only("/", true));
    for (const std::string directory : {"/tmp", "/var/tmp", "/dev/shm"}) {
        if (::access(directory.c_str(), F_OK) != 0) {
            continue;
        }
        HP_TRY_STATUS(mount_empty(directory, "mode=1777,size=50%"));
        if (is_below(kept, directory)) {
            HP_TRY_STATUS(os::make_directories(kept));
            HP_TRY_STATUS(bind(kept_fd.get(), kept));
        }
    }
    return {};
}

Status mount_own_proc() {
    if (::unshare(CLONE_NEWNS) != 0) {
        return unsupported("no mount namespace");
    }
    return ::mount("proc", "/proc", "proc", empty_flags, nullptr) == 0
               ? Status()
               : unsupported("cannot mount /proc");
}

Status leave_network() {
    if (::unshare(CLONE_NEWNET) != 0) {
        return unsupported("no network namespace");
    }
    const os::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    request.ifr_name[0] = 'l';
    request.ifr_name[1] = 'o';
    request.ifr_flags = IFF_UP;
    if (!socket || ::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) {
        return unsupported("cannot raise the loopback interface");
    }
    return {};
}

} // namespace hp::contract
