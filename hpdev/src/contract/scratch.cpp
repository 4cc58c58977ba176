// SPDX-License-Identifier: Apache-2.0
#include "contract/scratch.hpp"

#include "hp/os/files.hpp"
#include "state/file_ops.hpp"

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace hp::dev {
namespace {

namespace fs = std::filesystem;

Status copy_file(const fs::path& from, const fs::path& to, const struct stat& st) {
    HP_TRY(const os::Fd source, os::open_file(from, O_RDONLY | O_NOFOLLOW));
    const bool executable = (st.st_mode & S_IXUSR) != 0;
    HP_TRY(const os::Fd copy, os::open_file(to, O_WRONLY | O_CREAT | O_EXCL, 0600));
    HP_TRY_STATUS(state::FileOps().copy_data(source.get(), copy.get(),
                                             static_cast<std::uint64_t>(st.st_size)));
    // The umask is not asked: modes of state files are the same on every node.
    return ::fchmod(copy.get(), state::file_mode(executable)) == 0
               ? Status()
               : Status(fail(errno_error("cannot set the mode of " + to.string(), errno)));
}

Status copy_entry(const fs::path& from, const fs::path& to, CopyOrder order) {
    struct stat st {};
    if (::lstat(from.c_str(), &st) != 0) {
        return fail(errno_error("cannot look at " + from.string(), errno));
    }
    if (S_ISDIR(st.st_mode)) {
        return copy_folder(from, to, order);
    }
    if (S_ISREG(st.st_mode)) {
        return copy_file(from, to, st);
    }
    std::error_code error;
    if (S_ISLNK(st.st_mode)) {
        fs::copy_symlink(from, to, error);
    }
    return error ? Status(fail(Errc::io, "cannot copy " + from.string() + ": " + error.message()))
                 : Status();
}

} // namespace

Result<Scratch> Scratch::make() {
    std::error_code error;
    const fs::path place = fs::temp_directory_path(error);
    std::string name = ((error ? fs::path("/tmp") : place) / "hpdev.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
        return fail(errno_error("cannot make a directory like " + name, errno));
    }
    const fs::path path = fs::canonical(name, error);
    return Scratch(error ? fs::path(name) : path);
}

Scratch::Scratch(Scratch&& other) noexcept
    : path_(std::exchange(other.path_, {})), kept_(other.kept_) {}

Scratch::~Scratch() {
    if (!path_.empty() && !kept_) {
        remove_tree(path_);
    }
}

Status copy_folder(const fs::path& from, const fs::path& to, CopyOrder order) {
    std::error_code error;
    std::vector<fs::path> names;
    for (const auto& entry : fs::directory_iterator(from, error)) {
        names.push_back(entry.path().filename());
    }
    if (error) {
        return fail(errno_error("cannot read " + from.string(), error.value()));
    }
    HP_TRY_STATUS(os::make_directories(to));
    std::ranges::sort(names);
    if (order == CopyOrder::by_name_reversed) {
        std::ranges::reverse(names);
    }
    for (const fs::path& name : names) {
        HP_TRY_STATUS(copy_entry(from / name, to / name, order));
    }
    return {};
}

void remove_tree(const fs::path& path) {
    const auto parent = state::open_directory(AT_FDCWD, path.parent_path().string());
    if (parent) {
        static_cast<void>(state::FileOps().remove_tree(parent->get(), path.filename().string()));
    }
}

} // namespace hp::dev
