// SPDX-License-Identifier: Apache-2.0
//
// A scratch state directory.
//
// Threads: see testing.hpp.
#include "channels.hpp"

#include <hp/contract/files.hpp>
#include <hp/contract/testing.hpp>

#include <filesystem>

#include <cstdlib>
#include <sys/stat.h>

namespace hp::contract::testing {

StateDir::StateDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hp_state_XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
        detail::fail("mkdtemp");
    root_ = pattern;
    state_ = pattern + "/state";
    // Whoever runs the test: contracts may run as somebody else.
    if (::mkdir(state_.c_str(), 0755) != 0 || ::chmod(state_.c_str(), 0755) != 0 ||
        ::chmod(root_.c_str(), 0755) != 0)
        detail::fail("state directory");
}

StateDir::~StateDir() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
}

std::optional<std::string> StateDir::read(const std::string& name) const {
    Result<std::string> content = read_file(state_ + "/" + name);
    return content ? std::optional(std::move(*content)) : std::nullopt;
}

void StateDir::write(const std::string& name, std::string_view content, mode_t mode) const {
    if (const Status done = replace_file(state_ + "/" + name, content, mode); !done)
        throw std::system_error(done.error().code, done.error().message);
}

std::string StateDir::list() const {
    const auto entries = walk_directory(state_);
    if (!entries)
        throw std::system_error(entries.error().code, entries.error().message);
    std::string out;
    for (const FileEntry& entry : *entries)
        out += (out.empty() ? "" : " ") + entry.path;
    return out;
}

std::map<std::string, std::string> StateDir::files() const {
    const auto entries = walk_directory(state_);
    if (!entries)
        throw std::system_error(entries.error().code, entries.error().message);
    std::map<std::string, std::string> out;
    for (const FileEntry& entry : *entries)
        if (entry.kind == FileKind::file)
            out.emplace(entry.path, read(entry.path).value_or("<unreadable>"));
    return out;
}

} // namespace hp::contract::testing
