// SPDX-License-Identifier: Apache-2.0
#include "project/file_tree.hpp"

#include "hp/os/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace hp::dev {
namespace {

namespace fs = std::filesystem;
using cli::ErrorId;
using cli::failure;
using cli::Parsed;

cli::Parsed<void> add_file(FileTree& tree, const fs::path& from, const std::string& to) {
    auto content = os::read_file(from, tree_bytes_max);
    if (!content) {
        return failure(ErrorId::bad_file, content.err().context);
    }
    struct stat info {};
    const bool executable = ::stat(from.c_str(), &info) == 0 && (info.st_mode & 0111U) != 0;
    std::size_t bytes = content->size();
    for (const auto& [name, file] : tree) {
        bytes += file.content.size();
    }
    if (bytes > tree_bytes_max || tree.size() >= tree_files_max) {
        return failure(ErrorId::bad_file,
                       "more than 512 MiB or 20000 files, with " + from.string() + " among them");
    }
    if (!tree.try_emplace(to, TreeFile{std::move(*content), executable}).second) {
        return failure(ErrorId::bad_file, "two files would have the name " + to,
                       "[bundle] files in hpdev.toml names them");
    }
    return {};
}

} // namespace

Parsed<void> add_to_tree(FileTree& tree, const fs::path& from, const std::string& to) {
    std::error_code error;
    const fs::file_status status = fs::symlink_status(from, error);
    if (!fs::exists(status)) {
        return failure(ErrorId::file_not_found, "there is no " + from.string());
    }
    if (fs::is_regular_file(status)) {
        return add_file(tree, from, to);
    }
    if (!fs::is_directory(status)) {
        return failure(ErrorId::bad_file, from.string() + " is no ordinary file or folder",
                       "a contract's state holds no links, sockets or devices");
    }
    // Sorted, so that the first mistake is the same one on every machine.
    std::vector<fs::path> entries;
    for (fs::directory_iterator at(from, error), end; !error && at != end; at.increment(error)) {
        entries.push_back(at->path());
    }
    if (error) {
        return failure(ErrorId::bad_file, from.string() + ": " + error.message());
    }
    std::ranges::sort(entries);
    for (const fs::path& entry : entries) {
        const std::string name = entry.filename().string();
        auto added = add_to_tree(tree, entry, to.empty() ? name : to + "/" + name);
        if (!added) {
            return added;
        }
    }
    return {};
}

Parsed<void> write_tree(const FileTree& tree, const fs::path& folder) {
    for (const auto& [name, file] : tree) {
        const fs::path path = folder / name;
        if (const auto made = os::make_directories(path.parent_path()); !made) {
            return failure(ErrorId::failed, made.err().context);
        }
        const unsigned mode = file.executable ? 0755 : 0644;
        const auto out = os::open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
        if (!out) {
            return failure(ErrorId::failed, out.err().context);
        }
        const auto written = os::write_all(out->get(), file.content);
        if (!written) {
            return failure(ErrorId::failed, path.string() + ": " + written.err().context);
        }
        if (::fchmod(out->get(), mode) != 0) {
            return failure(ErrorId::failed,
                           errno_error("cannot set the mode of " + path.string(), errno).context);
        }
    }
    return {};
}

} // namespace hp::dev
