// SPDX-License-Identifier: Apache-2.0
//
// Reading, replacing and listing files. Errors carry the path, because a contract's log is all its
// author sees of them.
//
// Threads: see files.hpp.
#include "io.hpp"

#include <hp/contract/files.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hp::contract {
namespace {

Error file_error(std::error_code code, std::string_view what, const std::string& path) {
    std::string message(what);
    message += ' ' + path + ": " + code.message();
    return {code, std::move(message)};
}

Error last_file_error(std::string_view what, const std::string& path) {
    return file_error(detail::last_error(), what, path);
}

Status write_new_file(const std::string& path, BytesView content, mode_t mode) {
    // Whatever a killed run left there may be a link or have another mode: never write into it.
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        return last_file_error("cannot remove", path);
    const detail::UniqueFd fd(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (fd.get() < 0)
        return last_file_error("cannot create", path);
    if (const auto failed = detail::write_to_file(fd.get(), content))
        return file_error(failed, "cannot write", path);
    if (::fchmod(fd.get(), mode) != 0)
        return last_file_error("cannot set the mode of", path);
    return {};
}

struct CloseDir {
    void operator()(DIR* dir) const noexcept { ::closedir(dir); }
};

FileEntry make_entry(int dir_fd, const char* name, bool& gone) {
    struct stat info {};
    gone = ::fstatat(dir_fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0;
    if (S_ISREG(info.st_mode))
        return {name, FileKind::file, static_cast<std::uint64_t>(info.st_size)};
    return {name, S_ISDIR(info.st_mode) ? FileKind::directory : FileKind::other, 0};
}

} // namespace

std::string private_path(std::string_view name) {
    return std::string(private_directory).append("/").append(name);
}

Result<std::string> read_file(const std::string& path) {
    const detail::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.get() < 0)
        return last_file_error("cannot open", path);
    std::string content;
    if (const auto failed = detail::read_to_end(fd.get(), content))
        return file_error(failed, "cannot read", path);
    return content;
}

Status replace_file(const std::string& path, BytesView content, mode_t mode) {
    const std::string temporary = path + ".tmp";
    Status done = write_new_file(temporary, content, mode);
    if (done && std::rename(temporary.c_str(), path.c_str()) != 0)
        done = last_file_error("cannot replace", path);
    if (!done)
        ::unlink(temporary.c_str());
    return done;
}

Status replace_file(const std::string& path, std::string_view content, mode_t mode) {
    return replace_file(path, as_bytes(content), mode);
}

Result<std::vector<FileEntry>> list_directory(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return last_file_error("cannot open", path);
    const std::unique_ptr<DIR, CloseDir> dir(::fdopendir(fd));
    if (!dir) {
        const Error error = last_file_error("cannot list", path);
        ::close(fd);
        return error;
    }
    std::vector<FileEntry> entries;
    for (;;) {
        errno = 0;
        const dirent* const next = ::readdir(dir.get());
        if (next == nullptr)
            break;
        const std::string_view name = next->d_name;
        bool gone = false;
        if (name == "." || name == "..")
            continue;
        FileEntry entry = make_entry(fd, next->d_name, gone);
        if (!gone) // removed in between by another process of this contract
            entries.push_back(std::move(entry));
    }
    if (errno != 0)
        return last_file_error("cannot list", path);
    std::sort(entries.begin(), entries.end(),
              [](const FileEntry& a, const FileEntry& b) { return a.path < b.path; });
    return entries;
}

Result<std::vector<FileEntry>> walk_directory(const std::string& path) {
    std::vector<FileEntry> out;
    auto top = list_directory(path);
    if (!top)
        return top;
    // Still to do, the next one last.
    std::vector<FileEntry> pending(std::move_iterator(top->rbegin()),
                                   std::move_iterator(top->rend()));
    while (!pending.empty()) {
        const FileEntry& entry = out.emplace_back(std::move(pending.back()));
        pending.pop_back();
        if (entry.kind != FileKind::directory)
            continue;
        auto below = list_directory(path + "/" + entry.path);
        if (!below)
            return below;
        for (auto child = below->rbegin(); child != below->rend(); ++child) {
            child->path.insert(0, entry.path + "/");
            pending.push_back(std::move(*child));
        }
    }
    return out;
}

} // namespace hp::contract
