// SPDX-License-Identifier: Apache-2.0
#include "cluster/cluster_lock.hpp"

#include "hp/os/files.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace hp::dev {
namespace {

ProcessMark read_mark(int file) {
    std::array<char, 256> text{};
    const ssize_t size = ::pread(file, text.data(), text.size(), 0);
    const auto json =
        parse_object({text.data(), size > 0 ? static_cast<std::size_t>(size) : std::size_t{0}});
    if (!json) {
        return {};
    }
    return {json->value("pid", 0), json->value("start_time", std::uint64_t{0}),
            json->value("boot_id", std::string())};
}

} // namespace

Expected<ClusterLock> ClusterLock::acquire(const fs::path& cluster_dir) {
    HP_DEV_TRY(os::Fd file, os::open_file(cluster_dir / "supervisor.lock", O_RDWR | O_CREAT, 0644));
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        const ProcessMark holder = read_mark(file.get());
        return cli::failure(cli::ErrorId::cluster_exists,
                            "the cluster \"" + cluster_dir.filename().string() +
                                "\" is being used by process " + std::to_string(holder.pid),
                            "hpdev ps");
    }
    ClusterLock out(std::move(file));
    out.stale_ = read_mark(out.file_.get());
    return out;
}

void ClusterLock::record(const ProcessMark& holder) const {
    const std::string text =
        dump_json(
            {{"pid", holder.pid}, {"start_time", holder.start_time}, {"boot_id", holder.boot_id}}) +
        "\n";
    clear();
    // Only for people and messages, so that nothing depends on it: the lock itself is the kernel's.
    [[maybe_unused]] const ssize_t written = ::pwrite(file_.get(), text.data(), text.size(), 0);
}

void ClusterLock::clear() const {
    [[maybe_unused]] const int result = ::ftruncate(file_.get(), 0);
}

} // namespace hp::dev
