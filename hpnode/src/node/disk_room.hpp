// SPDX-License-Identifier: Apache-2.0
// How much room the file systems have that a node writes to. A node that stops in good time, while
// it can still write what it has begun, need not die of the first write that fails. Quotas are not
// looked at. Reactor thread only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "hp/base/result.hpp"

namespace hp::node {

struct Room {
    std::uint64_t bytes = 0;
    std::uint64_t files = 0; // inodes
};

// What this process may still write there. Of kinds that do not say, the most there could be.
Result<Room> free_room(const std::filesystem::path& directory);

class DiskRoom {
public:
    // A ledger takes a handful; the rest is for the contract.
    static constexpr std::uint64_t files_reserve = 1024;

    using FreeRoom = std::function<Result<Room>(const std::filesystem::path&)>;
    struct Shortage {
        std::filesystem::path directory;
        bool of_files = false; // else of bytes
        std::uint64_t free = 0;
        std::uint64_t wanted = 0; // for it to be over
    };

    // `reserve_bytes` 0: there is always room.
    DiskRoom(std::vector<std::filesystem::path> directories, std::uint64_t reserve_bytes,
             FreeRoom free_room = &node::free_room);

    // True when a shortage has begun or is over.
    bool look();
    // As of the last look, empty when there is room.
    const std::optional<Shortage>& shortage() const { return shortage_; }

private:
    std::optional<Shortage> find_shortage() const;

    std::vector<std::filesystem::path> directories_;
    std::uint64_t reserve_bytes_;
    FreeRoom free_room_;
    std::optional<Shortage> shortage_;
};

// For people.
std::string describe(const DiskRoom::Shortage& shortage);

} // namespace hp::node
