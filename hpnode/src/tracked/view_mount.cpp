// SPDX-License-Identifier: Apache-2.0
#include "tracked/view_mount.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "hp/os/files.hpp"

namespace hp::tracked {

Result<os::Fd> open_fuse() {
    auto fuse = os::open_file("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (!fuse) {
        return fail(Errc::unsupported, fuse.err().context);
    }
    return fuse;
}

// The kernel decides who may do what, by owner and mode, as it does without this file system.
Status mount_view(int fuse, const std::string& directory) {
    const std::string options =
        "fd=" + std::to_string(fuse) + ",rootmode=40000,user_id=" + std::to_string(::geteuid()) +
        ",group_id=" + std::to_string(::getegid()) + ",default_permissions,allow_other";
    return ::mount("hpnode-view", directory.c_str(), "fuse", MS_NOSUID | MS_NODEV,
                   options.c_str()) == 0
               ? Status()
               : fail(Errc::unsupported, errno_error("cannot mount with FUSE", errno).context);
}

} // namespace hp::tracked
