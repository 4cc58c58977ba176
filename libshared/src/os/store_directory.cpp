// SPDX-License-Identifier: Apache-2.0
#include "hp/os/store_directory.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "hp/os/fd.hpp"
#include "hp/os/files.hpp"

namespace hp::os {
namespace {

// Filesystems whose inode numbers and times of birth are the same after every mount. Others would
// make every file look like a copy.
bool has_lasting_identities(int fd) {
    // Not in linux/magic.h.
    constexpr unsigned long xfs_magic = 0x58465342;
    constexpr unsigned long zfs_magic = 0x2FC12FC1;
    constexpr std::array<unsigned long, 7> lasting{
        EXT4_SUPER_MAGIC, xfs_magic,   BTRFS_SUPER_MAGIC,    F2FS_SUPER_MAGIC,
        zfs_magic,        TMPFS_MAGIC, OVERLAYFS_SUPER_MAGIC};
    struct statfs info {};
    return fstatfs(fd, &info) == 0 &&
           std::find(lasting.begin(), lasting.end(), static_cast<unsigned long>(info.f_type)) !=
               lasting.end();
}

class PosixFile final : public StoreFile {
public:
    PosixFile(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

    Result<std::uint64_t> size() const override {
        struct stat info {};
        if (fstat(fd_.get(), &info) != 0) {
            return failure("cannot examine");
        }
        return static_cast<std::uint64_t>(info.st_size);
    }

    Result<std::optional<FileIdentity>> identity() const override {
        struct statx info {};
        if (statx(fd_.get(), "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &info) != 0) {
            return failure("cannot examine");
        }
        constexpr unsigned both = STATX_INO | STATX_BTIME;
        if ((info.stx_mask & both) != both || !has_lasting_identities(fd_.get())) {
            return std::optional<FileIdentity>();
        }
        const auto birth_s = static_cast<std::uint64_t>(info.stx_btime.tv_sec);
        return std::optional(
            FileIdentity{info.stx_ino, birth_s * 1'000'000'000 + info.stx_btime.tv_nsec});
    }

    Result<Bytes> read(std::uint64_t offset, std::size_t count) const override {
        Bytes out(count);
        std::size_t done = 0;
        while (done < count) {
            const ssize_t got = pread(fd_.get(), out.data() + done, count - done,
                                      static_cast<off_t>(offset + done));
            if (got < 0 && errno == EINTR) {
                continue;
            }
            if (got < 0) {
                return failure("cannot read");
            }
            if (got == 0) {
                break;
            }
            done += static_cast<std::size_t>(got);
        }
        out.resize(done);
        return out;
    }

    Status write(ByteView bytes, std::uint64_t offset) override {
        if (auto written = write_all_at(fd_.get(), bytes, offset); !written) {
            return fail(std::move(written.error()).in("cannot write " + path_));
        }
        return {};
    }

    Status sync() override {
        if (fdatasync(fd_.get()) != 0) {
            return failure("cannot sync");
        }
        return {};
    }

private:
    tl::unexpected<Error> failure(const std::string& doing) const {
        const int number = errno;
        return fail(errno_error(doing + " " + path_, number));
    }

    Fd fd_;
    std::string path_;
};

class PosixDirectory final : public StoreDirectory {
public:
    explicit PosixDirectory(std::filesystem::path path) : path_(std::move(path)) {}

    Result<std::vector<std::string>> list() const override {
        std::vector<std::string> names;
        std::error_code error;
        for (std::filesystem::directory_iterator it(path_, error), end; !error && it != end;
             it.increment(error)) {
            names.push_back(it->path().filename().string());
        }
        if (error) {
            return fail(errno_error("cannot list " + path_.string(), error.value()));
        }
        std::sort(names.begin(), names.end());
        return names;
    }

    Result<std::unique_ptr<StoreFile>> open(const std::string& name) override {
        return opened(name, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
    }
    Result<std::unique_ptr<StoreFile>> create(const std::string& name) override {
        return opened(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW);
    }

    Status rename(const std::string& from, const std::string& to) override {
        if (::rename((path_ / from).c_str(), (path_ / to).c_str()) != 0) {
            return fail(errno_error("cannot rename " + (path_ / from).string(), errno));
        }
        return {};
    }

    Status remove(const std::string& name) override {
        if (::unlink((path_ / name).c_str()) != 0) {
            return fail(errno_error("cannot remove " + (path_ / name).string(), errno));
        }
        return {};
    }

    Status sync() override { return fsync_directory(path_); }

private:
    Result<std::unique_ptr<StoreFile>> opened(const std::string& name, int flags) const {
        const std::filesystem::path path = path_ / name;
        HP_TRY(Fd fd, open_file(path, flags, 0600));
        return std::unique_ptr<StoreFile>(
            std::make_unique<PosixFile>(std::move(fd), path.string()));
    }

    std::filesystem::path path_;
};

} // namespace

Result<std::unique_ptr<StoreDirectory>> open_store_directory(const std::filesystem::path& path) {
    HP_TRY_STATUS(make_directories(path));
    HP_TRY_STATUS(fsync_directory(path.has_parent_path() ? path.parent_path() : "."));
    return std::unique_ptr<StoreDirectory>(std::make_unique<PosixDirectory>(path));
}

} // namespace hp::os
