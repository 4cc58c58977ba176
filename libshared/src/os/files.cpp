// SPDX-License-Identifier: Apache-2.0
#include "hp/os/files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace hp::os {
namespace {

constexpr std::size_t read_step_bytes = 64 * 1024;

// The new content until it is renamed; gone again if anything fails before that.
class TempFile {
public:
    static Result<TempFile> make_beside(const std::filesystem::path& path) {
        const std::filesystem::path hidden = "." + path.filename().string() + ".tmp.XXXXXX";
        std::string name = (path.parent_path() / hidden).string();
        const int fd = mkostemp(name.data(), O_CLOEXEC);
        if (fd < 0) {
            return fail(errno_error("cannot create a file beside " + path.string(), errno));
        }
        return TempFile(std::move(name), Fd(fd));
    }
    ~TempFile() {
        if (!name_.empty()) {
            ::unlink(name_.c_str());
        }
    }
    TempFile(TempFile&& other) noexcept
        : name_(std::exchange(other.name_, std::string())), fd_(std::move(other.fd_)) {}
    TempFile& operator=(TempFile&&) = delete;

    int fd() const { return fd_.get(); }

    Status rename_to(const std::filesystem::path& path) {
        if (::rename(name_.c_str(), path.c_str()) != 0) {
            return fail(errno_error("cannot rename to " + path.string(), errno));
        }
        name_.clear();
        return {};
    }
    Result<bool> link_to(const std::filesystem::path& path) const {
        if (::link(name_.c_str(), path.c_str()) == 0) {
            return true;
        }
        return errno == EEXIST ? Result<bool>(false)
                               : fail(errno_error("cannot create " + path.string(), errno));
    }

private:
    TempFile(std::string name, Fd fd) : name_(std::move(name)), fd_(std::move(fd)) {}

    std::string name_;
    Fd fd_;
};

Status set_owner_and_mode(int fd, const std::filesystem::path& replaced, unsigned mode) {
    struct stat old {};
    struct stat fresh {};
    if (::stat(replaced.c_str(), &old) == 0 && ::fstat(fd, &fresh) == 0 &&
        (old.st_uid != fresh.st_uid || old.st_gid != fresh.st_gid)) {
        // Only root may give files away; for anybody else the new file is simply theirs.
        [[maybe_unused]] const int ignored = ::fchown(fd, old.st_uid, old.st_gid);
    }
    if (::fchmod(fd, mode) != 0) {
        return fail(errno_error("cannot set the mode of " + replaced.string(), errno));
    }
    return {};
}

// Everything but the name.
Result<TempFile> make_content(const std::filesystem::path& path, ByteView content, unsigned mode) {
    HP_TRY(TempFile temp, TempFile::make_beside(path));
    HP_TRY_STATUS(set_owner_and_mode(temp.fd(), path, mode));
    if (auto written = write_all(temp.fd(), content); !written) {
        return fail(std::move(written.error()).in("cannot write " + path.string()));
    }
    if (::fsync(temp.fd()) != 0) {
        return fail(errno_error("cannot sync " + path.string(), errno));
    }
    return temp;
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
    return path.has_parent_path() ? path.parent_path() : ".";
}

Status make_directory(const std::filesystem::path& path) {
    if (::mkdir(path.c_str(), 0755) == 0) {
        if (::chmod(path.c_str(), 0755) != 0) { // mkdir applied the umask
            return fail(errno_error("cannot set the mode of " + path.string(), errno));
        }
        return {};
    }
    const int number = errno;
    struct stat info {};
    if (number == EEXIST && ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
        return {};
    }
    return fail(errno_error("cannot make the directory " + path.string(), number));
}

} // namespace

Result<Fd> open_file(const std::filesystem::path& path, int flags, unsigned mode) {
    for (;;) {
        const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
        if (fd >= 0) {
            return Fd(fd);
        }
        if (errno != EINTR) {
            return fail(errno_error("cannot open " + path.string(), errno));
        }
    }
}

Result<Bytes> read_file(const std::filesystem::path& path, std::size_t bytes_max) {
    // Without O_NONBLOCK a fifo in the place of the file would block us before we can refuse it.
    HP_TRY(const Fd fd, open_file(path, O_RDONLY | O_NONBLOCK));
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) {
        return fail(errno_error("cannot examine " + path.string(), errno));
    }
    if (!S_ISREG(info.st_mode)) {
        return fail(Errc::invalid, path.string() + " is not a regular file");
    }
    // The size is a hint: files of /proc say 0, and others may grow while we read.
    const auto hint = static_cast<std::size_t>(info.st_size);
    Bytes out;
    std::size_t used = 0;
    for (;;) {
        const std::size_t step = std::max(read_step_bytes, hint > used ? hint - used + 1 : 0);
        out.resize(std::min(used + step, bytes_max + 1));
        auto count = read_some(fd.get(), std::span(out).subspan(used));
        if (!count) {
            return fail(std::move(count.error()).in("cannot read " + path.string()));
        }
        used += *count;
        if (used > bytes_max) {
            return fail(Errc::too_large,
                        path.string() + " is larger than " + std::to_string(bytes_max) + " bytes");
        }
        if (*count == 0) {
            out.resize(used);
            return out;
        }
    }
}

Status replace_file(const std::filesystem::path& path, ByteView content, unsigned mode) {
    HP_TRY(TempFile temp, make_content(path, content, mode));
    HP_TRY_STATUS(temp.rename_to(path));
    return fsync_directory(folder_of(path));
}

Result<bool> create_file(const std::filesystem::path& path, ByteView content, unsigned mode) {
    HP_TRY(const TempFile temp, make_content(path, content, mode));
    HP_TRY(const bool made, temp.link_to(path));
    HP_TRY_STATUS(fsync_directory(folder_of(path)));
    return made;
}

Status fsync_directory(const std::filesystem::path& path) {
    HP_TRY(const Fd fd, open_file(path, O_RDONLY | O_DIRECTORY));
    if (::fsync(fd.get()) != 0) {
        return fail(errno_error("cannot sync " + path.string(), errno));
    }
    return {};
}

Status make_directories(const std::filesystem::path& path) {
    std::filesystem::path built;
    for (const std::filesystem::path& part : path) {
        built /= part;
        if (part.empty() || part == "/" || part == ".") {
            continue;
        }
        HP_TRY_STATUS(make_directory(built));
    }
    return {};
}

} // namespace hp::os
