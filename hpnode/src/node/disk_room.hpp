// SPDX-License-Identifier: Apache-2.0
// How much room the file systems have that a node writes to. A node that stops in good time, while
// it can still write what it has begun, need not die of the first write that fails. Inodes and
// quotas are not looked at. Reactor thread only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "hp/base/result.hpp"

namespace hp::node {

// What this process may still write there.
Result<std::uint64_t> free_bytes(const std::filesystem::path& directory);

class DiskRoom {
public:
    using FreeBytes = std::function<Result<std::uint64_t>(const std::filesystem::path&)>;
    struct Shortage {
        std::filesystem::path directory;
        std::uint64_t free_bytes = 0;
        std::uint64_t wanted_bytes = 0; // for it to be over
    };

    // `reserve_bytes` 0: there is always room.
    DiskRoom(std::vector<std::filesystem::path> directories, std::uint64_t reserve_bytes,
             FreeBytes free_bytes = &node::free_bytes);

    // True when a shortage has begun or is over.
    bool look();
    // As of the last look, empty when there is room.
    const std::optional<Shortage>& shortage() const { return shortage_; }

private:
    std::optional<Shortage> find_shortage() const;

    std::vector<std::filesystem::path> directories_;
    std::uint64_t reserve_bytes_;
    FreeBytes free_bytes_;
    std::optional<Shortage> shortage_;
};

// For people.
std::string describe(const DiskRoom::Shortage& shortage);

} // namespace hp::node
