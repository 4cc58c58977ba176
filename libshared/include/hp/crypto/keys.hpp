// SPDX-License-Identifier: Apache-2.0
// Ed25519 keys and signatures in HotPocket's forms (user-protocol.md section 1): messages are
// signed directly, public keys carry the 0xED prefix on the wire, private keys are 0xED plus
// libsodium's 64 bytes. Thread safe after init().
#pragma once

#include <span>
#include <string>

#include "hp/base/ids.hpp"
#include "hp/base/result.hpp"

namespace hp::crypto {

// Prepares libsodium; call once at the start of main. Later calls do nothing.
void init();

using PrivateKey = FixedBytes<65, struct PrivateKeyTag>; // 0xED, seed, public key

struct KeyPair {
    PublicKey public_key;
    PrivateKey private_key;
    bool operator==(const KeyPair&) const = default;
};

KeyPair make_key_pair();
KeyPair key_pair_from_seed(std::span<const std::uint8_t, 32> seed);

// The pair whose private key this is; empty when prefix or the embedded public key do not fit.
std::optional<KeyPair> key_pair_from_private(const PrivateKey& private_key);

Signature sign(const KeyPair& keys, ByteView message);
bool verify(const PublicKey& key, ByteView message, const Signature& signature);

void random_bytes(std::span<std::uint8_t> out);

// A random 16-byte value as 32 lowercase hex characters: challenges.
std::string random_hex16();

// A random version 4 UUID, 36 characters.
std::string random_uuid();

} // namespace hp::crypto
