// SPDX-License-Identifier: Apache-2.0
// The few operating system calls the state store changes files with, all relative to an open
// directory and never following a symlink, because contracts choose what lies in these trees.
// Created entries get canonical modes whatever the umask. Entries that a contract locked against
// changes (chattr +i or +a, which takes root) are unlocked when they are in the way. `step` runs
// before every change: tests kill the process there to try every crash point; production gives
// none.
// One owner thread per object.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <sys/types.h>

#include "hp/base/bytes.hpp"
#include "hp/base/result.hpp"
#include "hp/os/fd.hpp"
#include "state/owner.hpp"

namespace hp::state {

inline constexpr mode_t permission_bits = 07777;
inline constexpr mode_t directory_mode = 0755;

constexpr mode_t file_mode(bool executable) {
    return executable ? 0755 : 0644;
}

class FileOps {
public:
    FileOps() = default;
    explicit FileOps(std::function<void()> step) : step_(std::move(step)) {}

    // Entries created from now on belong to `owner` (a contract under another uid must be able to
    // write what the node restores for it). Empty: whoever runs this process.
    void create_as(std::optional<Owner> owner) { owner_ = owner; }

    Status make_directory(int dir, const std::string& name) const;
    Result<os::Fd> create_file(int dir, const std::string& name, bool executable) const;
    Result<os::Fd> open_to_change(int dir, const std::string& name) const; // an existing file
    Status make_symlink(int dir, const std::string& name, const std::string& target) const;
    Status unlink(int dir, const std::string& name) const;
    Status rename(int from_dir, const std::string& from, int to_dir, const std::string& to) const;
    Status set_mode(int dir, const std::string& name, mode_t mode) const;

    Status write_at(int fd, ByteView bytes, std::uint64_t offset) const;
    Status truncate(int fd, std::uint64_t size) const;
    // Makes the range read as zeros. It must lie within the file.
    Status zero_range(int fd, std::uint64_t offset, std::size_t length) const;

    // Starts to write the content to disk, so that a later sync has less to wait for.
    void begin_sync(int fd) const;
    Status sync(int fd) const;            // content and metadata of one file or directory
    Status sync_filesystem(int fd) const; // everything on the filesystem it belongs to

    // Old content or new content, also after power loss. The new one is written to `temp_name` in
    // `temp_dir` first, which the caller keeps free for this.
    Status replace_file(int temp_dir, const std::string& temp_name, int dir,
                        const std::string& name, ByteView content) const;

    // Removes the entry and everything below it, however deep. Fine if it does not exist.
    Status remove_tree(int dir, const std::string& name) const;

    // Replaces a file with several links by a copy with one, so that writing to it later cannot
    // change another entry. The copy keeps holes and shares extents where the filesystem can. The
    // other links keep their mode.
    Status break_hard_links(int dir, const std::string& name, bool executable) const;

    // Copies `size` bytes from the start of `from` to the empty file `to`.
    Status copy_data(int from, int to, std::uint64_t size) const;

    void step() const {
        if (step_) {
            step_();
        }
    }

private:
    template <class Call>
    int unlocked(int dir, const std::string& name, Call call) const;
    bool unlock(int dir, const std::string& name) const;
    Result<os::Fd> open_linked(int dir, const std::string& name) const;
    Status move_aside(int dir, const std::string& name, int top, std::uint64_t& hoisted) const;
    Status adopt(int dir, const std::string& name) const;
    Status copy_range(int from, int to, std::uint64_t begin, std::uint64_t end) const;
    Status remove_children(int top, int dir, std::uint64_t& hoisted) const;
    Status remove_child(int top, int dir, const std::string& name, std::uint64_t& hoisted) const;

    std::function<void()> step_;
    std::optional<Owner> owner_;
};

// Opens a directory without following a symlink. The form with `ops` gives it the canonical mode
// when its owner may not do everything in it: contracts may take permissions away.
Result<os::Fd> open_directory(int dir, const std::string& name);
Result<os::Fd> open_directory(const FileOps& ops, int dir, const std::string& name);

// O_NOFOLLOW and O_CLOEXEC are added.
Result<os::Fd> open_at(int dir, const std::string& name, int flags);

// Takes the flags that forbid changes (chattr +i and +a) from an open file or directory. True when
// there were any and they are gone.
bool remove_locks(int fd);

// Empty when there is no such entry. Never follows a symlink.
Result<std::optional<struct stat>> stat_at(int dir, const std::string& name);
Result<struct stat> stat_fd(int fd);

Result<std::string> read_symlink(int dir, const std::string& name);

// Fills as much of `out` as the file has from `offset`; less than all only at its end.
Result<std::size_t> read_at(int fd, std::span<std::uint8_t> out, std::uint64_t offset);

// The names in a directory except "." and "..", in the order the kernel gives them. Entries may be
// removed while reading.
class NameReader {
public:
    explicit NameReader(int dir);
    Result<bool> next(std::string& name); // false at the end

private:
    int dir_;
    bool started_ = false;
    std::size_t at_ = 0;
    std::size_t filled_ = 0;
    std::vector<std::uint64_t> buffer_; // u64 for the alignment the kernel's records need
};

// Sorted bytewise; Errc::too_large beyond `count_max`.
Result<std::vector<std::string>> list_names(int dir, std::size_t count_max);

// Walks to the directories that hold given paths, keeping the way down open, because consecutive
// paths mostly share it. Paths are relative, '/' separated, and have been validated.
class DirCursor {
public:
    enum class Missing {
        fail, // Errc::not_found
        make, // make the directory, in place of whatever else is there
    };
    DirCursor(const FileOps& ops, int root, Missing missing)
        : ops_(ops), root_(root), missing_(missing) {}

    // Valid until the next call.
    Result<int> parent_of(std::string_view path);

private:
    struct Level {
        std::string name;
        os::Fd fd;
    };
    Result<os::Fd> enter(int dir, const std::string& name) const;

    const FileOps& ops_;
    int root_;
    Missing missing_;
    std::vector<Level> levels_;
};

std::string last_component(std::string_view path);

} // namespace hp::state
