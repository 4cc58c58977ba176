// SPDX-License-Identifier: Apache-2.0
// The files of a bundle or a project as values: names, contents and whether they are programs, and
// nothing else, because nothing else is the same on every machine. Blocking file work; values.
#pragma once

#include "cli/options.hpp"
#include "hp/base/bytes.hpp"

#include <filesystem>
#include <map>

namespace hp::dev {

struct TreeFile {
    Bytes content;
    bool executable = false;

    bool operator==(const TreeFile&) const = default;
};

// By path, relative and with slashes; in the order of their bytes.
using FileTree = std::map<std::string, TreeFile>;

// A bundle is read whole: a contract's files, not its data. Beyond these it is refused.
inline constexpr std::size_t tree_bytes_max = std::size_t{512} * 1024 * 1024;
inline constexpr std::size_t tree_files_max = 20'000;

// Adds the file or everything in the folder `from` under the name `to` (which may be empty for a
// folder). Refuses what a state cannot hold: links, sockets, devices. Fails with `to` being there
// already.
cli::Parsed<void> add_to_tree(FileTree& tree, const std::filesystem::path& from,
                              const std::string& to);

// Writes them into the folder, which must not have them yet; modes 0644 and 0755, whatever the
// umask.
cli::Parsed<void> write_tree(const FileTree& tree, const std::filesystem::path& folder);

} // namespace hp::dev
