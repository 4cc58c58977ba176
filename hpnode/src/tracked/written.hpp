// SPDX-License-Identifier: Apache-2.0
// Which blocks of which files a run has written, as its own view of its files saw it
// (view_server.hpp). Says something only about files that are listed: whoever finds a changed file
// that is not listed, or whose state before the run is not the one it knows, reads all of it.
// Values; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include <sys/stat.h>

#include "hp/base/bytes.hpp"
#include "hp/base/limits.hpp"
#include "hp/base/result.hpp"

namespace hp::tracked {

// The unit of recording: what the state store hashes and copies at a time.
inline constexpr std::uint64_t block_bytes = 64 * limits::kib;

// What stat says of a file, as far as writing to it changes it.
struct FileMark {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;
    std::int64_t ctime_ns = 0;
    bool operator==(const FileMark&) const = default;
};

FileMark mark_of(const struct stat& st);

struct WrittenFile {
    FileMark before;          // when nothing was written yet
    bool everything = false;  // it is not known what was written
    std::vector<bool> blocks; // of those the file had then

    static WrittenFile start(const FileMark& before);
    void add(std::uint64_t offset, std::uint64_t length);
    void add_from(std::uint64_t offset) { add(offset, UINT64_MAX - offset); }
    // Also true for blocks that the file did not have.
    bool has(std::uint64_t block) const;
    bool operator==(const WrittenFile&) const = default;
};

struct Written {
    std::vector<WrittenFile> files; // ascending by device and inode
    const WrittenFile* find(std::uint64_t device, std::uint64_t inode) const;
    bool operator==(const Written&) const = default;
};

// What two runs in a row have written.
Written merge(const Written& first, const Written& second);

Bytes encode_written(const Written& written);
Result<Written> decode_written(ByteView bytes);

} // namespace hp::tracked
