// SPDX-License-Identifier: Apache-2.0
// One directory of a few files, as a store sees it that must survive power loss: every change is
// durable only after the sync that covers it. An interface, so that the same store code runs over a
// simulated disk that tears writes, loses what was not synced, fills up and fails
// (tests/support/virtual_disk.hpp). Blocking; one owner thread.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hp/base/bytes.hpp"
#include "hp/base/result.hpp"

namespace hp::os {

// What tells a file from every copy of it: a copy has another inode or, where the number is used
// again, another time of birth. No program can set either.
struct FileIdentity {
    std::uint64_t inode = 0;
    std::uint64_t birth_ns = 0;
    bool operator==(const FileIdentity&) const = default;
};

class StoreFile {
public:
    virtual ~StoreFile() = default;

    virtual Result<std::uint64_t> size() const = 0;
    // Empty where the filesystem does not keep both for good (FUSE, network filesystems).
    virtual Result<std::optional<FileIdentity>> identity() const = 0;
    virtual Result<Bytes> read(std::uint64_t offset,
                               std::size_t count) const = 0; // less at the end
    virtual Status write(ByteView bytes, std::uint64_t offset) = 0;
    virtual Status sync() = 0; // content and size
};

class StoreDirectory {
public:
    virtual ~StoreDirectory() = default;

    virtual Result<std::vector<std::string>> list() const = 0; // sorted
    virtual Result<std::unique_ptr<StoreFile>> open(const std::string& name) = 0;
    virtual Result<std::unique_ptr<StoreFile>> create(const std::string& name) = 0; // must be new
    virtual Status rename(const std::string& from, const std::string& to) = 0;      // replaces
    virtual Status remove(const std::string& name) = 0;
    virtual Status sync() = 0; // which names there are
};

// A real directory; made, durably, when it is missing. Files have mode 0600.
Result<std::unique_ptr<StoreDirectory>> open_store_directory(const std::filesystem::path& path);

} // namespace hp::os
