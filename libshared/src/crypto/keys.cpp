// SPDX-License-Identifier: Apache-2.0
#include "hp/crypto/keys.hpp"

#include <algorithm>

#include <sodium.h>

#include "hp/base/check.hpp"

namespace hp::crypto {
namespace {

// libsodium's forms, without the 0xED prefix of the wire.
const std::uint8_t* raw(const PublicKey& key) {
    return key.data.data() + 1;
}
const std::uint8_t* raw(const PrivateKey& key) {
    return key.data.data() + 1;
}

} // namespace

void init() {
    HP_CHECK(sodium_init() >= 0, "libsodium cannot be initialised");
}

KeyPair make_key_pair() {
    std::array<std::uint8_t, 32> seed{};
    random_bytes(seed);
    const KeyPair keys = key_pair_from_seed(seed);
    sodium_memzero(seed.data(), seed.size());
    return keys;
}

KeyPair key_pair_from_seed(std::span<const std::uint8_t, 32> seed) {
    KeyPair keys;
    keys.public_key.data[0] = key_prefix;
    keys.private_key.data[0] = key_prefix;
    crypto_sign_seed_keypair(keys.public_key.data.data() + 1, keys.private_key.data.data() + 1,
                             seed.data());
    return keys;
}

std::optional<KeyPair> key_pair_from_private(const PrivateKey& private_key) {
    if (private_key.data[0] != key_prefix) {
        return std::nullopt;
    }
    std::array<std::uint8_t, 32> seed{};
    std::copy_n(raw(private_key), seed.size(), seed.begin());
    const KeyPair keys = key_pair_from_seed(seed);
    sodium_memzero(seed.data(), seed.size());
    // A public half that does not belong to the seed would make every signature invalid.
    return keys.private_key == private_key ? std::optional(keys) : std::nullopt;
}

Signature sign(const KeyPair& keys, ByteView message) {
    Signature out;
    crypto_sign_detached(out.data.data(), nullptr, message.data(), message.size(),
                         raw(keys.private_key));
    return out;
}

bool verify(const PublicKey& key, ByteView message, const Signature& signature) {
    return key.data[0] == key_prefix &&
           crypto_sign_verify_detached(signature.data.data(), message.data(), message.size(),
                                       raw(key)) == 0;
}

void random_bytes(std::span<std::uint8_t> out) {
    randombytes_buf(out.data(), out.size());
}

std::string random_hex16() {
    std::array<std::uint8_t, 16> bytes{};
    random_bytes(bytes);
    return to_hex(bytes);
}

std::string random_uuid() {
    std::array<std::uint8_t, 16> bytes{};
    random_bytes(bytes);
    bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x40); // version 4
    bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80); // variant 1
    std::string text = to_hex(bytes);
    for (const std::size_t at : {8U, 13U, 18U, 23U}) {
        text.insert(at, 1, '-');
    }
    return text;
}

} // namespace hp::crypto
