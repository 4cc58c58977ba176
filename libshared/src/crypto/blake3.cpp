// SPDX-License-Identifier: Apache-2.0
#include "hp/crypto/blake3.hpp"

#include <blake3.h>

namespace hp::crypto {
namespace {

Hash32 finalize(const blake3_hasher& hasher) {
    Hash32 out;
    blake3_hasher_finalize(&hasher, out.data.data(), out.data.size());
    return out;
}

} // namespace

struct Blake3::Impl {
    blake3_hasher hasher;
};

Blake3::Blake3() : impl_(std::make_unique<Impl>()) {
    blake3_hasher_init(&impl_->hasher);
}

Blake3::~Blake3() = default;

Blake3& Blake3::update(ByteView bytes) {
    blake3_hasher_update(&impl_->hasher, bytes.data(), bytes.size());
    return *this;
}

Hash32 Blake3::finish() const {
    return finalize(impl_->hasher);
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
