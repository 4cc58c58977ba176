// SPDX-License-Identifier: Apache-2.0
#include "state/sync/beneath.hpp"

#include <cerrno>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "state/file_ops.hpp"

namespace hp::state::sync {

Result<os::Fd> open_directory_beneath(int root, const std::string& path) {
    struct open_how how {};
    how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
    const char* name = path.empty() ? "." : path.c_str();
    os::Fd fd(static_cast<int>(syscall(SYS_openat2, root, name, &how, sizeof how)));
    if (fd) {
        return fd;
    }
    if (errno == ENOSYS || errno == EPERM || errno == ENAMETOOLONG) { // EPERM: filtered
        return walk_directory_beneath(root, path);
    }
    return fail(errno_error("cannot open directory " + path, errno));
}

Result<os::Fd> walk_directory_beneath(int root, const std::string& path) {
    HP_TRY(os::Fd at, open_directory(root, "."));
    HP_TRY(const struct stat top, stat_fd(at.get()));
    std::size_t begin = 0;
    while (begin < path.size()) {
        const std::size_t slash = std::min(path.find('/', begin), path.size());
        const std::string name = path.substr(begin, slash - begin);
        if (name.empty() || name == "." || name == "..") {
            return fail(Errc::invalid, "a path that leads elsewhere: " + path);
        }
        HP_TRY(at, open_directory(at.get(), name));
        HP_TRY(const struct stat st, stat_fd(at.get()));
        if (st.st_dev != top.st_dev) {
            return fail(Errc::invalid, "a path that leads to another filesystem: " + path);
        }
        begin = slash + 1;
    }
    return at;
}

} // namespace hp::state::sync
