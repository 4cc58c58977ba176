// SPDX-License-Identifier: Apache-2.0
// The hash rules of the contract state, byte for byte as in docs/protocol/state.md: tagged chunk,
// file, symlink and directory hashes. Every node must compute the same value for the same content,
// so nothing local (owner, times, inode, umask, listing order) can reach these functions.
// Pure functions; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hp/base/ids.hpp"

namespace hp::state {

// The unit of hashing and of copying: small enough that one changed page costs little, large
// enough that the hash list of a 1 GiB file stays at 512 KiB.
inline constexpr std::size_t chunk_bytes = 64 * 1024;

std::uint32_t chunk_count(std::uint64_t file_size);
std::size_t chunk_length(std::uint64_t file_size, std::uint32_t index);

enum class EntryType : std::uint8_t { file = 1, directory = 2, symlink = 3 };

// Room for one chunk behind its tag, so that a chunk is hashed as one contiguous piece (BLAKE3 is
// a good deal faster on aligned power-of-two inputs than on a tag followed by a second update).
class ChunkBuffer {
public:
    ChunkBuffer();
    std::span<std::uint8_t> data() { return std::span(bytes_).subspan(tag_bytes); }
    ByteView view(std::size_t length) const { return ByteView(bytes_).subspan(tag_bytes, length); }
    Hash32 hash(std::size_t length) const;

private:
    static constexpr std::size_t tag_bytes = 8;
    Bytes bytes_;
};

// Hash of a full chunk of zero bytes: what every hole of a sparse file hashes to.
const Hash32& zero_chunk_hash();

// All tags have the same length, so no tagged input can be a prefix of another kind of input.
inline constexpr std::string_view chunk_tag = "hpstchk1";
inline constexpr std::string_view file_tag = "hpstfil1";
inline constexpr std::string_view symlink_tag = "hpstlnk1";
inline constexpr std::string_view directory_tag = "hpstdir1";

std::uint32_t canonical_mode(EntryType type, bool executable);

// What is hashed for a file or a symlink: the same bytes describe it to peers that sync.
Bytes file_description(bool executable, std::uint64_t size, std::span<const Hash32> chunks);
Bytes symlink_description(std::string_view target);

Hash32 hash_file(bool executable, std::uint64_t size, std::span<const Hash32> chunks);
Hash32 hash_file_content(bool executable, ByteView content);
Hash32 hash_symlink(std::string_view target);

// Feeds the children of one directory in byte order of their names.
class DirectoryHasher {
public:
    DirectoryHasher();
    void add(std::string_view name, EntryType type, bool executable, const Hash32& hash);
    Hash32 finish() const;
    const Bytes& description() const { return input_; }

private:
    Bytes input_;
};

} // namespace hp::state
