// SPDX-License-Identifier: Apache-2.0
#include "hp/crypto/blake3.hpp"

#include <new>
#include <type_traits>

#include <blake3.h>

namespace hp::crypto {
namespace {

Hash32 finalize(const blake3_hasher& hasher) {
    Hash32 out;
    blake3_hasher_finalize(&hasher, out.data.data(), out.data.size());
    return out;
}

} // namespace

// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): the hasher is made in it
Blake3::Blake3() {
    static_assert(sizeof(blake3_hasher) <= state_bytes);
    static_assert(alignof(blake3_hasher) <= alignof(std::uint64_t));
    static_assert(std::is_trivially_destructible_v<blake3_hasher>);
    blake3_hasher_init(new (state_.data()) blake3_hasher);
}

Blake3& Blake3::update(ByteView bytes) {
    blake3_hasher_update(std::launder(reinterpret_cast<blake3_hasher*>(state_.data())),
                         bytes.data(), bytes.size());
    return *this;
}

Hash32 Blake3::finish() const {
    return finalize(*std::launder(reinterpret_cast<const blake3_hasher*>(state_.data())));
}

Hash32 b3(ByteView bytes) {
    return b3({bytes});
}

Hash32 b3(std::initializer_list<ByteView> parts) {
    blake3_hasher hasher;
    blake3_hasher_init(&hasher);
    for (const ByteView part : parts) {
        blake3_hasher_update(&hasher, part.data(), part.size());
    }
    return finalize(hasher);
}

void b3_extended(ByteView bytes, std::span<std::uint8_t> out) {
    blake3_hasher hasher;
    blake3_hasher_init(&hasher);
    blake3_hasher_update(&hasher, bytes.data(), bytes.size());
    blake3_hasher_finalize(&hasher, out.data(), out.size());
}

Hash32 b3_list(std::span<const Hash32> items) {
    if (items.empty()) {
        return Hash32{};
    }
    Blake3 hasher;
    for (const Hash32& item : items) {
        hasher.update(item.view());
    }
    return hasher.finish();
}

} // namespace hp::crypto
