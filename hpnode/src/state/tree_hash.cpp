// SPDX-License-Identifier: Apache-2.0
#include "state/tree_hash.hpp"

#include "hp/base/check.hpp"
#include "hp/base/codec.hpp"
#include "hp/crypto/blake3.hpp"

namespace hp::state {

std::uint32_t canonical_mode(EntryType type, bool executable) {
    switch (type) {
    case EntryType::file:
        return executable ? 0755 : 0644;
    case EntryType::directory:
        return 0755;
    case EntryType::symlink:
        return 0777;
    }
    return 0;
}

std::uint32_t chunk_count(std::uint64_t file_size) {
    const std::uint64_t count = file_size / chunk_bytes + (file_size % chunk_bytes != 0 ? 1 : 0);
    HP_CHECK(count <= UINT32_MAX, "file sizes are limited long before this");
    return static_cast<std::uint32_t>(count);
}

std::size_t chunk_length(std::uint64_t file_size, std::uint32_t index) {
    const std::uint64_t start = std::uint64_t{index} * chunk_bytes;
    HP_CHECK(start < file_size, "a chunk beyond the end of its file");
    return static_cast<std::size_t>(std::min<std::uint64_t>(chunk_bytes, file_size - start));
}

ChunkBuffer::ChunkBuffer() : bytes_(tag_bytes + chunk_bytes) {
    static_assert(chunk_tag.size() == tag_bytes);
    std::copy(chunk_tag.begin(), chunk_tag.end(), bytes_.begin());
}

Hash32 ChunkBuffer::hash(std::size_t length) const {
    return crypto::b3(ByteView(bytes_).first(tag_bytes + length));
}

const Hash32& zero_chunk_hash() {
    static const Hash32 hash = ChunkBuffer().hash(chunk_bytes);
    return hash;
}

Bytes file_description(bool executable, std::uint64_t size, std::span<const Hash32> chunks) {
    HP_CHECK(chunks.size() == chunk_count(size), "one hash per chunk");
    Writer out;
    out.raw(as_bytes(file_tag));
    out.u32(canonical_mode(EntryType::file, executable));
    out.u64(size);
    for (const Hash32& chunk : chunks) {
        out.fixed(chunk);
    }
    return out.take();
}

Bytes symlink_description(std::string_view target) {
    Writer out;
    out.raw(as_bytes(symlink_tag));
    out.bytes(as_bytes(target));
    return out.take();
}

Hash32 hash_file(bool executable, std::uint64_t size, std::span<const Hash32> chunks) {
    return crypto::b3(file_description(executable, size, chunks));
}

Hash32 hash_file_content(bool executable, ByteView content) {
    std::vector<Hash32> chunks(chunk_count(content.size()));
    ChunkBuffer buffer;
    for (std::uint32_t i = 0; i < chunks.size(); ++i) {
        const std::size_t length = chunk_length(content.size(), i);
        std::ranges::copy(content.subspan(std::size_t{i} * chunk_bytes, length),
                          buffer.data().begin());
        chunks[i] = buffer.hash(length);
    }
    return hash_file(executable, content.size(), chunks);
}

Hash32 hash_symlink(std::string_view target) {
    return crypto::b3(symlink_description(target));
}

DirectoryHasher::DirectoryHasher() : input_(to_bytes(directory_tag)) {}

void DirectoryHasher::add(std::string_view name, EntryType type, bool executable,
                          const Hash32& hash) {
    // By hand: a directory of many entries is hashed whenever one of them has changed.
    const auto put_u32 = [this](std::uint32_t value) {
        for (int shift = 24; shift >= 0; shift -= 8) {
            input_.push_back(static_cast<std::uint8_t>(value >> shift));
        }
    };
    put_u32(static_cast<std::uint32_t>(name.size()));
    append(input_, as_bytes(name));
    input_.push_back(static_cast<std::uint8_t>(type));
    put_u32(canonical_mode(type, executable));
    append(input_, hash.view());
}

Hash32 DirectoryHasher::finish() const {
    return crypto::b3(input_);
}

} // namespace hp::state
