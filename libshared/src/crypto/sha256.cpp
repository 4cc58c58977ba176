// SPDX-License-Identifier: Apache-2.0
#include "hp/crypto/sha256.hpp"

#include <sodium.h>

namespace hp::crypto {

std::array<std::uint8_t, 32> sha256(ByteView bytes) {
    std::array<std::uint8_t, crypto_hash_sha256_BYTES> out{};
    ::crypto_hash_sha256(out.data(), bytes.data(), bytes.size());
    return out;
}

} // namespace hp::crypto
