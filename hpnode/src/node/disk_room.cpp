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

Result<Room> free_room(const std::filesystem::path& directory) {
    struct statvfs found {};
    if (::statvfs(directory.c_str(), &found) != 0) {
        return fail(Errc::io, directory.string() + ": " + errno_text(errno));
    }
    constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();
    return Room{found.f_blocks == 0 ? no_limit : std::uint64_t{found.f_bavail} * found.f_frsize,
                found.f_files == 0 ? no_limit : std::uint64_t{found.f_favail}};
}

DiskRoom::DiskRoom(std::vector<std::filesystem::path> directories, std::uint64_t reserve_bytes,
                   FreeRoom free_room)
    : directories_(std::move(directories)), reserve_bytes_(reserve_bytes),
      free_room_(std::move(free_room)) {}

bool DiskRoom::look() {
    const bool was_short = shortage_.has_value();
    shortage_ = find_shortage();
    return shortage_.has_value() != was_short;
}

// It is over only when there is a quarter more, or a node at the limit would come and go with every
// ledger it writes.
std::optional<DiskRoom::Shortage> DiskRoom::find_shortage() const {
    if (reserve_bytes_ == 0) {
        return std::nullopt;
    }
    for (const std::filesystem::path& directory : directories_) {
        const auto free = free_room_(directory);
        if (!free) {
            continue; // left to the next write, which says what is wrong
        }
        for (const bool files : {false, true}) {
            const std::uint64_t left = files ? free->files : free->bytes;
            const std::uint64_t reserve = files ? files_reserve : reserve_bytes_;
            const std::uint64_t enough = reserve + reserve / 4;
            if (left < (shortage_ ? enough : reserve)) {
                return Shortage{directory, files, left, enough};
            }
        }
    }
    return std::nullopt;
}

std::string describe(const DiskRoom::Shortage& shortage) {
    const std::string where = " in " + shortage.directory.string();
    const std::string then = "; the node goes on by itself at ";
    if (shortage.of_files) {
        return "there is hardly room for more files: " + std::to_string(shortage.free) +
               " inodes are left" + where + then + std::to_string(shortage.wanted);
    }
    return "the disk is nearly full: " + std::to_string(shortage.free / kib) + " KiB are left" +
           where + then + std::to_string(shortage.wanted / kib) +
           " KiB (node.disk_reserve_mbytes and a quarter)";
}

} // namespace hp::node
