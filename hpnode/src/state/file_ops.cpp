// SPDX-License-Identifier: Apache-2.0
#include "state/file_ops.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "hp/base/check.hpp"

namespace hp::state {
namespace {

tl::unexpected<Error> os_failure(std::string_view doing, const std::string& name) {
    const int number = errno;
    return fail(errno_error(std::string(doing) + " " + name, number));
}

tl::unexpected<Error> os_failure(std::string_view doing) {
    const int number = errno;
    return fail(errno_error(doing, number));
}

off_t to_offset(std::uint64_t value) {
    HP_CHECK(value <= static_cast<std::uint64_t>(std::numeric_limits<off_t>::max()),
             "file offsets are limited long before this");
    return static_cast<off_t>(value);
}

constexpr std::size_t list_buffer_bytes = 32UL * 1024;
constexpr std::size_t copy_buffer_bytes = 256UL * 1024;

bool is_dots(const char* name) {
    return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0;
}

} // namespace

// --- reading ---------------------------------------------------------------------------------

Result<os::Fd> open_at(int dir, const std::string& name, int flags) {
    os::Fd fd(openat(dir, name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) {
        return os_failure("cannot open", name);
    }
    return fd;
}

Result<os::Fd> open_directory(int dir, const std::string& name) {
    return open_at(dir, name, O_RDONLY | O_DIRECTORY);
}

Result<os::Fd> open_directory(const FileOps& ops, int dir, const std::string& name) {
    auto opened = open_directory(dir, name);
    if (!opened && opened.err().code != Errc::denied) {
        return opened;
    }
    if (opened) {
        HP_TRY(const struct stat st, stat_fd(opened->get()));
        if ((st.st_mode & S_IRWXU) == S_IRWXU) {
            return opened;
        }
    }
    HP_TRY_STATUS(ops.set_mode(dir, name, directory_mode));
    return open_directory(dir, name);
}

Result<std::optional<struct stat>> stat_at(int dir, const std::string& name) {
    struct stat st {};
    if (fstatat(dir, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) {
        return std::optional<struct stat>(st);
    }
    if (errno == ENOENT) {
        return std::optional<struct stat>();
    }
    return os_failure("cannot stat", name);
}

Result<struct stat> stat_fd(int fd) {
    struct stat st {};
    if (fstat(fd, &st) != 0) {
        return os_failure("cannot stat an open file");
    }
    return st;
}

Result<std::string> read_symlink(int dir, const std::string& name) {
    std::array<char, 4096> target; // PATH_MAX, and symlink targets are shorter
    const ssize_t length = readlinkat(dir, name.c_str(), target.data(), target.size());
    if (length < 0) {
        return os_failure("cannot read symlink", name);
    }
    if (static_cast<std::size_t>(length) == target.size()) {
        return fail(Errc::too_large, "symlink target of " + name);
    }
    return std::string(target.data(), static_cast<std::size_t>(length));
}

Result<std::size_t> read_at(int fd, std::span<std::uint8_t> out, std::uint64_t offset) {
    std::size_t done = 0;
    while (done < out.size()) {
        const ssize_t got =
            pread(fd, out.data() + done, out.size() - done, to_offset(offset + done));
        if (got == 0) {
            break;
        }
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            return os_failure("cannot read");
        }
        done += static_cast<std::size_t>(got);
    }
    return done;
}

NameReader::NameReader(int dir) : dir_(dir), buffer_(list_buffer_bytes / sizeof(std::uint64_t)) {}

Result<bool> NameReader::next(std::string& name) {
    if (!started_) {
        if (lseek(dir_, 0, SEEK_SET) != 0) {
            return os_failure("cannot rewind a directory");
        }
        started_ = true;
    }
    for (;;) {
        if (at_ == filled_) {
            const ssize_t got =
                getdents64(dir_, buffer_.data(), buffer_.size() * sizeof(std::uint64_t));
            if (got < 0) {
                return os_failure("cannot list a directory");
            }
            if (got == 0) {
                return false;
            }
            at_ = 0;
            filled_ = static_cast<std::size_t>(got);
        }
        const auto* record = reinterpret_cast<const struct dirent64*>(
            reinterpret_cast<const char*>(buffer_.data()) + at_);
        at_ += record->d_reclen;
        if (!is_dots(record->d_name)) {
            name = record->d_name;
            return true;
        }
    }
}

Result<std::vector<std::string>> list_names(int dir, std::size_t count_max) {
    std::vector<std::string> names;
    NameReader reader(dir);
    std::string name;
    for (;;) {
        HP_TRY(const bool more, reader.next(name));
        if (!more) {
            break;
        }
        if (names.size() == count_max) {
            return fail(Errc::too_large,
                        "a directory has more than " + std::to_string(count_max) + " entries");
        }
        names.push_back(std::move(name));
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::string last_component(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

// --- locks -----------------------------------------------------------------------------------

bool remove_locks(int fd) {
    int flags = 0;
    constexpr int locks = FS_IMMUTABLE_FL | FS_APPEND_FL;
    if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0 || (flags & locks) == 0) {
        return false;
    }
    flags &= ~locks;
    return ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
}

// Calls again when the first time failed because of a lock that could be taken away.
template <class Call>
int FileOps::unlocked(int dir, const std::string& name, Call call) const {
    const int result = call();
    return result < 0 && errno == EPERM && unlock(dir, name) ? call() : result;
}

// True when the entry or the directory it is in was locked and is no longer. Keeps errno if not.
bool FileOps::unlock(int dir, const std::string& name) const {
    bool any = remove_locks(dir);
    const auto st = stat_at(dir, name);
    if (st && *st && (S_ISREG((*st)->st_mode) || S_ISDIR((*st)->st_mode))) {
        const os::Fd fd(openat(dir, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        any = (fd && remove_locks(fd.get())) || any;
    }
    errno = EPERM;
    return any;
}

// --- changing --------------------------------------------------------------------------------

Status FileOps::adopt(int dir, const std::string& name) const {
    if (owner_ && fchownat(dir, name.c_str(), owner_->uid, owner_->gid, AT_SYMLINK_NOFOLLOW) != 0) {
        return os_failure("cannot change the owner of", name);
    }
    return {};
}

Status FileOps::make_directory(int dir, const std::string& name) const {
    step();
    if (unlocked(dir, name, [&] { return mkdirat(dir, name.c_str(), directory_mode); }) != 0) {
        return os_failure("cannot make directory", name);
    }
    HP_TRY_STATUS(set_mode(dir, name, directory_mode)); // mkdir applies the umask
    return adopt(dir, name);
}

Result<os::Fd> FileOps::create_file(int dir, const std::string& name, bool executable) const {
    step();
    constexpr int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    os::Fd fd(unlocked(dir, name,
                       [&] { return openat(dir, name.c_str(), flags, file_mode(executable)); }));
    if (!fd) {
        return os_failure("cannot create", name);
    }
    if (fchmod(fd.get(), file_mode(executable)) != 0) {
        return os_failure("cannot set the mode of", name);
    }
    HP_TRY_STATUS(adopt(dir, name));
    return fd;
}

Result<os::Fd> FileOps::open_to_change(int dir, const std::string& name) const {
    os::Fd fd(unlocked(dir, name,
                       [&] { return openat(dir, name.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC); }));
    if (!fd) {
        return os_failure("cannot open", name);
    }
    return fd;
}

Status FileOps::make_symlink(int dir, const std::string& name, const std::string& target) const {
    step();
    if (unlocked(dir, name, [&] { return symlinkat(target.c_str(), dir, name.c_str()); }) != 0) {
        return os_failure("cannot make symlink", name);
    }
    return adopt(dir, name);
}

Status FileOps::unlink(int dir, const std::string& name) const {
    step();
    if (unlocked(dir, name, [&] { return unlinkat(dir, name.c_str(), 0); }) != 0 &&
        errno != ENOENT) {
        return os_failure("cannot remove", name);
    }
    return {};
}

Status FileOps::rename(int from_dir, const std::string& from, int to_dir,
                       const std::string& to) const {
    step();
    if (renameat(from_dir, from.c_str(), to_dir, to.c_str()) != 0) {
        return os_failure("cannot rename " + from + " to", to);
    }
    return {};
}

Status FileOps::set_mode(int dir, const std::string& name, mode_t mode) const {
    step();
    if (unlocked(dir, name,
                 [&] { return fchmodat(dir, name.c_str(), mode, AT_SYMLINK_NOFOLLOW); }) != 0) {
        return os_failure("cannot set the mode of", name);
    }
    return {};
}

Status FileOps::write_at(int fd, ByteView bytes, std::uint64_t offset) const {
    step();
    while (!bytes.empty()) {
        const ssize_t put = pwrite(fd, bytes.data(), bytes.size(), to_offset(offset));
        if (put < 0) {
            if (errno == EINTR) {
                continue;
            }
            return os_failure("cannot write");
        }
        bytes = bytes.subspan(static_cast<std::size_t>(put));
        offset += static_cast<std::uint64_t>(put);
    }
    return {};
}

Status FileOps::truncate(int fd, std::uint64_t size) const {
    step();
    if (ftruncate(fd, to_offset(size)) != 0) {
        return os_failure("cannot set the size of a file");
    }
    return {};
}

Status FileOps::zero_range(int fd, std::uint64_t offset, std::size_t length) const {
    step();
    if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, to_offset(offset),
                  to_offset(length)) == 0) {
        return {};
    }
    if (errno != EOPNOTSUPP && errno != ENOSYS) {
        return os_failure("cannot zero a range");
    }
    return write_at(fd, Bytes(length), offset);
}

void FileOps::begin_sync(int fd) const {
    // Where this cannot be had, the sync takes longer.
    static_cast<void>(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE));
}

Status FileOps::sync(int fd) const {
    step();
    if (fsync(fd) != 0) {
        return os_failure("cannot sync");
    }
    return {};
}

Status FileOps::sync_filesystem(int fd) const {
    step();
    if (syncfs(fd) != 0) {
        return os_failure("cannot sync the filesystem");
    }
    return {};
}

Status FileOps::replace_file(int temp_dir, const std::string& temp_name, int dir,
                             const std::string& name, ByteView content) const {
    HP_TRY_STATUS(unlink(temp_dir, temp_name)); // left by a crash
    HP_TRY(const os::Fd file, create_file(temp_dir, temp_name, false));
    HP_TRY_STATUS(write_at(file.get(), content, 0));
    HP_TRY_STATUS(sync(file.get()));
    HP_TRY_STATUS(rename(temp_dir, temp_name, dir, name));
    return sync(dir);
}

Status FileOps::copy_data(int from, int to, std::uint64_t size) const {
    step();
    if (size == 0 || ioctl(to, FICLONE, from) == 0) {
        return {};
    }
    HP_TRY_STATUS(truncate(to, size));
    std::uint64_t at = 0;
    while (at < size) {
        const off_t data = lseek(from, to_offset(at), SEEK_DATA);
        if (data < 0 && errno == ENXIO) {
            break; // the rest is a hole
        }
        if (data < 0) {
            return copy_range(from, to, at, size);
        }
        const off_t hole = lseek(from, data, SEEK_HOLE);
        if (hole < 0) {
            return os_failure("cannot find the holes of a file");
        }
        const std::uint64_t end = std::min(size, static_cast<std::uint64_t>(hole));
        HP_TRY_STATUS(copy_range(from, to, static_cast<std::uint64_t>(data), end));
        at = end;
    }
    return {};
}

Status FileOps::copy_range(int from, int to, std::uint64_t begin, std::uint64_t end) const {
    Bytes buffer;
    while (begin < end) {
        off_t in = to_offset(begin);
        off_t out = to_offset(begin);
        ssize_t done = -1;
        if (buffer.empty()) {
            done = copy_file_range(from, &in, to, &out, static_cast<std::size_t>(end - begin), 0);
        }
        if (done < 0) { // not offered by this filesystem or kernel: by hand from here on
            buffer.resize(copy_buffer_bytes);
            const std::size_t want =
                static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), end - begin));
            HP_TRY(const std::size_t got, read_at(from, std::span(buffer).first(want), begin));
            HP_TRY_STATUS(write_at(to, ByteView(buffer).first(got), begin));
            done = static_cast<ssize_t>(got);
        }
        if (done == 0) {
            return fail(Errc::io, "a file became shorter while it was copied");
        }
        begin += static_cast<std::uint64_t>(done);
    }
    return {};
}

// The file may be anybody's through its other links: what it needs to be readable is undone.
Result<os::Fd> FileOps::open_linked(int dir, const std::string& name) const {
    auto opened = open_at(dir, name, O_RDONLY);
    if (opened || opened.err().code != Errc::denied) {
        return opened;
    }
    HP_TRY(const auto st, stat_at(dir, name));
    HP_TRY_STATUS(set_mode(dir, name, S_IRUSR));
    opened = open_at(dir, name, O_RDONLY);
    if (st) {
        HP_TRY_STATUS(set_mode(dir, name, st->st_mode & 07777));
    }
    return opened;
}

Status FileOps::break_hard_links(int dir, const std::string& name, bool executable) const {
    HP_TRY(const os::Fd from, open_linked(dir, name));
    HP_TRY(const struct stat st, stat_fd(from.get()));
    // Not atomic: only done to live trees, which are restored from the base after a crash.
    HP_TRY_STATUS(unlink(dir, name));
    HP_TRY(const os::Fd to, create_file(dir, name, executable));
    return copy_data(from.get(), to.get(), static_cast<std::uint64_t>(st.st_size));
}

// Deleting without recursion: a contract may nest directories deeper than any stack or descriptor
// limit. Grandchildren are moved up to `top` under fresh names, so the depth never exceeds two.
Status FileOps::remove_tree(int dir, const std::string& name) const {
    HP_TRY(const auto st, stat_at(dir, name));
    if (!st) {
        return {};
    }
    if (!S_ISDIR(st->st_mode)) {
        return unlink(dir, name);
    }
    HP_TRY_STATUS(set_mode(dir, name, directory_mode));
    HP_TRY(const os::Fd top, open_directory(dir, name));
    std::uint64_t hoisted = 0;
    HP_TRY_STATUS(remove_children(top.get(), top.get(), hoisted));
    step();
    if (unlocked(dir, name, [&] { return unlinkat(dir, name.c_str(), AT_REMOVEDIR); }) != 0) {
        return os_failure("cannot remove directory", name);
    }
    return {};
}

Status FileOps::remove_children(int top, int dir, std::uint64_t& hoisted) const {
    for (bool any = true; any;) { // again, for what moved while the list was read
        any = false;
        NameReader reader(dir);
        std::string name;
        for (;;) {
            HP_TRY(const bool more, reader.next(name));
            if (!more) {
                break;
            }
            any = true;
            HP_TRY_STATUS(remove_child(top, dir, name, hoisted));
        }
    }
    return {};
}

Status FileOps::remove_child(int top, int dir, const std::string& name,
                             std::uint64_t& hoisted) const {
    step();
    if (unlocked(dir, name, [&] { return unlinkat(dir, name.c_str(), 0); }) == 0) {
        return {};
    }
    if (errno != EISDIR && errno != EPERM) {
        return os_failure("cannot remove", name);
    }
    const auto remove = [&] { return unlinkat(dir, name.c_str(), AT_REMOVEDIR); };
    if (unlocked(dir, name, remove) == 0) {
        return {};
    }
    if (errno != ENOTEMPTY && errno != EEXIST && errno != EACCES) {
        return os_failure("cannot remove directory", name);
    }
    HP_TRY_STATUS(set_mode(dir, name, directory_mode));
    if (dir == top) {
        {
            HP_TRY(const os::Fd child, open_directory(dir, name));
            HP_TRY_STATUS(remove_children(top, child.get(), hoisted));
        }
        step();
        if (remove() != 0) {
            return os_failure("cannot remove directory", name);
        }
        return {};
    }
    return move_aside(dir, name, top, hoisted);
}

Status FileOps::move_aside(int dir, const std::string& name, int top,
                           std::uint64_t& hoisted) const {
    for (;;) {
        const std::string fresh = ".removed-" + std::to_string(hoisted++);
        HP_TRY(const auto taken, stat_at(top, fresh));
        if (taken) {
            continue;
        }
        // Not every file system knows RENAME_NOREPLACE, and nobody else is here.
        if (unlocked(dir, name, [&] { return renameat(dir, name.c_str(), top, fresh.c_str()); }) !=
            0) {
            return os_failure("cannot move aside", name);
        }
        return {};
    }
}

// --- walking ---------------------------------------------------------------------------------

Result<os::Fd> DirCursor::enter(int dir, const std::string& name) const {
    auto opened =
        missing_ == Missing::make ? open_directory(ops_, dir, name) : open_directory(dir, name);
    if (opened || missing_ == Missing::fail) {
        return opened;
    }
    HP_TRY(const auto st, stat_at(dir, name));
    if (st && S_ISDIR(st->st_mode)) {
        return opened; // it is there but cannot be opened
    }
    if (st) {
        HP_TRY_STATUS(ops_.unlink(dir, name));
    }
    HP_TRY_STATUS(ops_.make_directory(dir, name));
    return open_directory(dir, name);
}

Result<int> DirCursor::parent_of(std::string_view path) {
    std::size_t depth = 0;
    for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
         slash = path.find('/')) {
        const std::string name(path.substr(0, slash));
        path.remove_prefix(slash + 1);
        if (depth < levels_.size() && levels_[depth].name == name) {
            ++depth;
            continue;
        }
        levels_.resize(depth);
        const int dir = depth == 0 ? root_ : levels_.back().fd.get();
        HP_TRY(os::Fd fd, enter(dir, name));
        levels_.push_back(Level{name, std::move(fd)});
        ++depth;
    }
    levels_.resize(depth);
    return depth == 0 ? root_ : levels_.back().fd.get();
}

} // namespace hp::state
