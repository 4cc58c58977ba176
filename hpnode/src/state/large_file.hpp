// SPDX-License-Identifier: Apache-2.0
// Hashing what changed in a large file: by several threads, because without a record of what was
// written (tracked/) a file is read as a whole, and one thread reads and hashes little more than a
// gigabyte a second. Any thread; returns when all of its own have ended.
#pragma once

#include <span>
#include <vector>

#include "hp/base/result.hpp"
#include "state/tree_hash.hpp"

namespace hp::state {

// Fewer chunks than this are hashed sooner than a thread is started for them.
inline constexpr std::size_t chunks_per_thread_min = 128;

struct LargeFile {
    int fd = -1; // borrowed
    std::uint64_t size = 0;
    std::uint64_t allocated_bytes = 0; // as of stat: see ChunkReader::open
};

// Hashes the chunks with these indexes into their places in `chunks`.
Status hash_chunks(const LargeFile& file, std::span<const std::uint32_t> indexes,
                   std::vector<Hash32>& chunks);

} // namespace hp::state
