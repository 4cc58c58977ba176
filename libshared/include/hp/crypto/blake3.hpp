// SPDX-License-Identifier: Apache-2.0
// BLAKE3 with 32-byte output. B3(x1, x2, ...) of the specs is b3({x1, x2, ...}): the hash of the
// plain concatenation. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>

#include "hp/base/ids.hpp"

namespace hp::crypto {

class Blake3 {
public:
    Blake3();
    Blake3(const Blake3&) = delete;
    Blake3& operator=(const Blake3&) = delete;

    Blake3& update(ByteView bytes);
    Hash32 finish() const; // of everything so far; the hasher can go on

private:
    // The library's hasher, in place: one on the heap costs more than hashing something short.
    static constexpr std::size_t state_bytes = 1912;
    alignas(std::uint64_t) std::array<std::uint8_t, state_bytes> state_;
};

Hash32 b3(ByteView bytes);

// As much output as `out` has room for (BLAKE3's extended output; its first 32 bytes are b3's).
void b3_extended(ByteView bytes, std::span<std::uint8_t> out);

Hash32 b3(std::initializer_list<ByteView> parts);

// Hash of the concatenation, but 32 zero bytes for an empty list (user-protocol.md section 1).
Hash32 b3_list(std::span<const Hash32> items);

} // namespace hp::crypto
