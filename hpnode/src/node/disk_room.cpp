// SPDX-License-Identifier: Apache-2.0
#include "node/disk_room.hpp"

#include <sys/statvfs.h>

#include <cerrno>
#include <limits>
#include <utility>

namespace hp::node {
namespace {

constexpr std::uint64_t kib = 1024;

} // namespace

Result<std::uint64_t> free_bytes(const std::filesystem::path& directory) {
    struct statvfs found {};
    if (::statvfs(directory.c_str(), &found) != 0) {
        return fail(Errc::io, directory.string() + ": " + errno_text(errno));
    }
    if (found.f_blocks == 0) { // of a kind that does not say
        return std::numeric_limits<std::uint64_t>::max();
    }
    return std::uint64_t{found.f_bavail} * found.f_frsize;
}

DiskRoom::DiskRoom(std::vector<std::filesystem::path> directories, std::uint64_t reserve_bytes,
                   FreeBytes free_bytes)
    : directories_(std::move(directories)), reserve_bytes_(reserve_bytes),
      free_bytes_(std::move(free_bytes)) {}

bool DiskRoom::look() {
    const bool was_short = shortage_.has_value();
    shortage_ = find_shortage();
    return shortage_.has_value() != was_short;
}

// It is over only when there is a quarter more, or a node at the limit would come and go with every
// ledger it writes.
std::optional<DiskRoom::Shortage> DiskRoom::find_shortage() const {
    const std::uint64_t wanted = reserve_bytes_ + (shortage_ ? reserve_bytes_ / 4 : 0);
    for (const std::filesystem::path& directory : directories_) {
        // What cannot be looked at is left to the next write, which says what is wrong.
        const auto free = free_bytes_(directory);
        if (free && *free < wanted) {
            return Shortage{directory, *free, reserve_bytes_ + reserve_bytes_ / 4};
        }
    }
    return std::nullopt;
}

std::string describe(const DiskRoom::Shortage& shortage) {
    return "the disk is nearly full: " + std::to_string(shortage.free_bytes / kib) +
           " KiB are left in " + shortage.directory.string() + "; the node goes on by itself at " +
           std::to_string(shortage.wanted_bytes / kib) +
           " KiB (node.disk_reserve_mbytes and a quarter)";
}

} // namespace hp::node
