// SPDX-License-Identifier: Apache-2.0
// Secrets under a passphrase: a key from argon2id, then XSalsa20-Poly1305 (libsodium's secretbox).
// Slow and memory-hungry on purpose. Any thread, after crypto::init().
#pragma once

#include "hp/base/bytes.hpp"
#include "hp/base/result.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace hp::crypto {

// Everything but the passphrase that is needed to open it. Not secret.
struct SecretBox {
    std::uint64_t operations = 0; // argon2id's cost parameters
    std::uint64_t memory_bytes = 0;
    std::array<std::uint8_t, 16> salt{};
    std::array<std::uint8_t, 24> nonce{};
    Bytes sealed; // with its authentication tag
};

// Errc::unavailable when the memory cannot be had.
Result<SecretBox> seal(ByteView secret, std::string_view passphrase);

// Errc::denied for a wrong passphrase or a damaged box; Errc::too_large for a box that asks for
// more memory or work than any of ours.
Result<Bytes> open(const SecretBox& box, std::string_view passphrase);

} // namespace hp::crypto
