// SPDX-License-Identifier: Apache-2.0
//
// Files of a contract (contract protocol sections 2, 6.3 and 10). The working directory is the
// state: names, contents and modes of its files are what the nodes agree on. Its parent is private
// to this node: kept from run to run, readable in both modes, never sent to other nodes and not
// part of the agreement. Read-only runs can write to neither.
//
// NOT DETERMINISTIC, so keep them out of state and outputs: whatever private files hold, times,
// inode numbers, sizes of directories, and the order in which readdir() lists.
//
// Threads: no shared state; two threads must not replace the same file at once.
#pragma once

#include <hp/contract/bytes.hpp>
#include <hp/contract/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace hp::contract {

/// The directory of private files, relative to the working directory a node starts contracts in.
inline constexpr std::string_view private_directory = "..";

/// The path of a private file: "../name". The names patch.cfg and state are taken.
[[nodiscard]] std::string private_path(std::string_view name);

/// All of a file. Errors: the errno of the failed call, for example
/// errc::no_such_file_or_directory, with the path in the message.
[[nodiscard]] Result<std::string> read_file(const std::string& path);

/// Replaces a file in one step: the new content goes to "<path>.tmp", which is then renamed, so a
/// run that is killed leaves the old content or the new, never half of it. The mode is set as given
/// whatever the umask is, because modes are part of the state. Nothing is forced to disk: the node
/// does that when the run is over. Errors: the errno of the failed call; the old file is then
/// untouched and the temporary one removed.
Status replace_file(const std::string& path, BytesView content, mode_t mode = 0644);
Status replace_file(const std::string& path, std::string_view content, mode_t mode = 0644);

enum class FileKind : std::uint8_t {
    file,      ///< a regular file
    directory, ///< itself, never what a symbolic link points to
    other,     ///< a symbolic link, socket, pipe or device
};

struct FileEntry {
    std::string path; ///< relative to the directory asked for, for example "users/ed12"
    FileKind kind = FileKind::other;
    std::uint64_t size_bytes = 0; ///< of a regular file, else 0

    friend bool operator==(const FileEntry&, const FileEntry&) = default;
};

/// What is in one directory, sorted by the bytes of the names: the same on every node. Errors: the
/// errno of the failed call, errc::too_many_symbolic_link_levels or errc::not_a_directory if `path`
/// is a link or a file.
[[nodiscard]] Result<std::vector<FileEntry>> list_directory(const std::string& path = ".");

/// The same for the whole tree below `path`: each directory right before what is in it. Symbolic
/// links are listed and not followed. Needs one descriptor, however deep the tree. Errors as above,
/// also errc::filename_too_long for a tree that is too deep for the system's path length.
[[nodiscard]] Result<std::vector<FileEntry>> walk_directory(const std::string& path = ".");

} // namespace hp::contract
