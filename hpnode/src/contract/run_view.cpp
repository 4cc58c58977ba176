// SPDX-License-Identifier: Apache-2.0
#include "contract/run_view.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <unistd.h>

#include "contract/launcher.hpp"
#include "contract/supervisor.hpp"
#include "tracked/view_mount.hpp"
#include "tracked/view_server.hpp"

namespace hp::contract {
namespace {

// Descriptors of the helper: the channels of other runs must close when those end. The directory
// lock stays: as long as anything may be written here the node must not start again.
void close_others(std::array<int, 3> kept) {
    std::sort(kept.begin(), kept.end());
    unsigned from = first_channel_fd;
    for (const int fd : kept) {
        const auto number = static_cast<unsigned>(fd);
        if (number > from) {
            ::close_range(from, number - 1, 0);
        }
        from = number + 1;
    }
    ::close_range(from, ~0U, 0);
    for (const int fd : {node_fd, signals_fd, cgroup_fd, landlock_fd}) {
        ::close(fd);
    }
}

} // namespace

RunView RunView::start(const std::string& directory, os::Fd report) {
    RunView out;
    auto fuse = tracked::open_fuse();
    auto sockets = os::seqpacket_pair();
    if (!fuse || !sockets) {
        out.error = fuse ? EMFILE : ENODEV;
        return out;
    }
    out.server = ::fork();
    if (out.server < 0) {
        out.error = errno;
        return out;
    }
    if (out.server == 0) {
        close_others({fuse->get(), sockets->theirs.get(), report.get()});
        tracked::ViewServerStart start;
        start.directory = directory;
        start.fuse = std::move(*fuse);
        start.control = std::move(sockets->theirs);
        start.report = std::move(report);
        tracked::serve_view(std::move(start));
    }
    out.fuse = std::move(*fuse);
    out.control = std::move(sockets->ours);
    return out;
}

} // namespace hp::contract
