// SPDX-License-Identifier: Apache-2.0
//
// Read-only mapping of the part of the node's input file that this run's inputs lie in (private).
// The file may be large and full of holes where other runs' inputs were; only what is asked for is
// mapped.
//
// Threads: immutable once open, safe from any thread.
#pragma once

#include <hp/contract/bytes.hpp>

#include <cstdint>
#include <string>

namespace hp::contract::detail {

class InputMap {
public:
    InputMap() noexcept = default;
    InputMap(const InputMap&) = delete;
    InputMap& operator=(const InputMap&) = delete;
    ~InputMap();

    /// Maps the bytes from `begin` to `end` (not empty). False with `error` set if the file does
    /// not hold them all.
    bool open(int fd, std::uint64_t begin, std::uint64_t end, std::string& error);

    /// Bytes of the file inside the range given to open().
    [[nodiscard]] BytesView bytes(std::uint64_t offset, std::uint64_t length) const noexcept;

private:
    void* address_ = nullptr;
    std::size_t length_ = 0;
    std::uint64_t base_ = 0; ///< file offset of the first mapped byte
};

} // namespace hp::contract::detail
