// SPDX-License-Identifier: Apache-2.0
// Reads a file chunk by chunk and hashes the chunks. Holes of sparse files are recognised without
// reading them, so a mostly empty file costs what it holds, not its size.
// One owner thread per object.
#pragma once

#include <vector>

#include "hp/base/result.hpp"
#include "state/tree_hash.hpp"

namespace hp::state {

class ChunkReader {
public:
    // Starts on another file; `fd` must stay open while it is read. `allocated_bytes` as of stat:
    // fewer than `size` means that there are holes.
    void open(int fd, std::uint64_t size, std::uint64_t allocated_bytes);

    // Hash of chunk `index`, which is then the current one. An error when the file became shorter.
    Result<Hash32> hash(std::uint32_t index);

    // Content of the current chunk.
    ByteView data();

    Result<std::vector<Hash32>> hash_all();

private:
    bool is_hole(std::uint64_t begin, std::uint64_t end);

    int fd_ = -1;
    std::uint64_t size_ = 0;
    bool sparse_ = false;
    // Between these offsets the file is known to have no data.
    std::uint64_t hole_begin_ = 0;
    std::uint64_t hole_end_ = 0;
    // Before this offset, from data_begin_ on, there is data: no need to ask again.
    std::uint64_t data_begin_ = 0;
    std::uint64_t data_end_ = 0;
    std::size_t length_ = 0;
    bool zeros_ = false; // the current chunk is a hole and the buffer does not hold it
    ChunkBuffer buffer_;
};

} // namespace hp::state
