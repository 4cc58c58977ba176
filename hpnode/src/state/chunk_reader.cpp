// SPDX-License-Identifier: Apache-2.0
#include "state/chunk_reader.hpp"

#include <algorithm>
#include <cerrno>

#include <unistd.h>

#include "state/file_ops.hpp"

namespace hp::state {

void ChunkReader::open(int fd, std::uint64_t size, std::uint64_t allocated_bytes) {
    fd_ = fd;
    size_ = size;
    sparse_ = allocated_bytes < size && size >= chunk_bytes;
    hole_begin_ = hole_end_ = 0;
    data_begin_ = data_end_ = 0;
    length_ = 0;
    zeros_ = false;
}

bool ChunkReader::is_hole(std::uint64_t begin, std::uint64_t end) {
    if (begin >= hole_begin_ && end <= hole_end_) {
        return true;
    }
    if (begin >= data_begin_ && begin < data_end_) {
        return false;
    }
    const off_t data = lseek(fd_, static_cast<off_t>(begin), SEEK_DATA);
    if (data < 0 && errno == ENXIO) { // no data up to the end of the file
        hole_begin_ = begin;
        hole_end_ = size_;
        return true;
    }
    if (data < 0) { // not supported here: read everything
        sparse_ = false;
        return false;
    }
    if (static_cast<std::uint64_t>(data) > begin) {
        hole_begin_ = begin;
        hole_end_ = static_cast<std::uint64_t>(data);
        return end <= hole_end_;
    }
    const off_t hole = lseek(fd_, data, SEEK_HOLE);
    data_begin_ = begin;
    data_end_ = hole < 0 ? size_ : static_cast<std::uint64_t>(hole);
    return false;
}

Result<Hash32> ChunkReader::hash(std::uint32_t index) {
    const std::uint64_t begin = std::uint64_t{index} * chunk_bytes;
    length_ = chunk_length(size_, index);
    zeros_ = sparse_ && length_ == chunk_bytes && is_hole(begin, begin + length_);
    if (zeros_) {
        return zero_chunk_hash();
    }
    HP_TRY(const std::size_t got, read_at(fd_, buffer_.data().first(length_), begin));
    if (got != length_) {
        return fail(Errc::io, "a file became shorter while it was hashed");
    }
    return buffer_.hash(length_);
}

ByteView ChunkReader::data() {
    if (zeros_) {
        std::ranges::fill(buffer_.data().first(length_), std::uint8_t{0});
        zeros_ = false;
    }
    return buffer_.view(length_);
}

Result<std::vector<Hash32>> ChunkReader::hash_all() {
    std::vector<Hash32> out(chunk_count(size_));
    for (std::uint32_t i = 0; i < out.size(); ++i) {
        HP_TRY(out[i], hash(i));
    }
    return out;
}

} // namespace hp::state
