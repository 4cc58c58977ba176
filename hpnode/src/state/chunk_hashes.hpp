// SPDX-License-Identifier: Apache-2.0
// Hashing what changed in a file: of a large one by several threads, because without a record of
// what was written (tracked/) it is read as a whole, and one thread reads and hashes little more
// than a gigabyte a second. Any thread; returns when all of its own have ended.
#pragma once

#include <span>
#include <vector>

#include "hp/base/result.hpp"
#include "state/chunk_reader.hpp"

namespace hp::state {

struct HashedFile {
    int fd = -1; // borrowed
    std::uint64_t size = 0;
    std::uint64_t allocated_bytes = 0; // as of stat: see ChunkReader::open
};

// Hashes the chunks with these indexes into their places in `chunks`. `reader` does so in the
// calling thread.
Status hash_chunks(ChunkReader& reader, const HashedFile& file,
                   std::span<const std::uint32_t> indexes, std::vector<Hash32>& chunks);

} // namespace hp::state
