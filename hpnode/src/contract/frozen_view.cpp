// SPDX-License-Identifier: Apache-2.0
#include "contract/frozen_view.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "hp/os/files.hpp"

namespace hp::contract {
namespace {

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

Status enter_mount_namespace() {
    if (::unshare(CLONE_NEWNS) == 0) {
        return {};
    }
    const uid_t uid = ::geteuid();
    const gid_t gid = ::getegid();
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
        return unsupported("no mount namespace");
    }
    return keep_identity(uid, gid);
}

// Options of the file system that a user namespace may not take away when it remounts.
unsigned long kept_options(const std::string& directory) {
    struct statvfs info {};
    if (::statvfs(directory.c_str(), &info) != 0) {
        return 0;
    }
    struct Option {
        unsigned long shown;
        unsigned long wanted;
    };
    static constexpr Option options[] = {
        {ST_NOSUID, MS_NOSUID},   {ST_NODEV, MS_NODEV},           {ST_NOEXEC, MS_NOEXEC},
        {ST_NOATIME, MS_NOATIME}, {ST_NODIRATIME, MS_NODIRATIME}, {ST_RELATIME, MS_RELATIME}};
    unsigned long flags = 0;
    for (const Option& option : options) {
        if ((info.f_flag & option.shown) != 0) {
            flags |= option.wanted;
        }
    }
    return flags;
}

} // namespace

Status freeze_for_self_and_children(const std::string& directory) {
    HP_TRY_STATUS(enter_mount_namespace());
    const char* const path = directory.c_str();
    // Mounts of the host still appear here, ours never there.
    if (::mount(nullptr, "/", nullptr, MS_SLAVE | MS_REC, nullptr) != 0) {
        return unsupported("cannot detach the mount namespace");
    }
    if (::mount(path, path, nullptr, MS_BIND, nullptr) != 0) {
        return unsupported("cannot bind " + directory);
    }
    const unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY | kept_options(directory);
    if (::mount(nullptr, path, nullptr, flags, nullptr) != 0) {
        return unsupported("cannot make " + directory + " read-only");
    }
    return {};
}

} // namespace hp::contract
