// SPDX-License-Identifier: Apache-2.0
#include "keys.hpp"

#include <hp/contract/files.hpp>

#include <array>

#include <sodium.h>

namespace keys {
namespace {

template <std::size_t N>
using Array = std::array<unsigned char, N>;

/// True if `hex` is exactly so many bytes.
template <std::size_t N>
bool from_hex(std::string_view hex, Array<N>& out) {
    std::size_t size = 0;
    const char* end = nullptr;
    return sodium_hex2bin(out.data(), N, hex.data(), hex.size(), nullptr, &size, &end) == 0 &&
           size == N && end == hex.data() + hex.size();
}

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

} // namespace

std::optional<std::string> sign(std::string_view text) {
    const auto file = hp::contract::read_file(hp::contract::private_path("signer.seed"));
    Array<crypto_sign_SEEDBYTES> seed;
    if (!file || !from_hex(std::string_view(*file).substr(0, 2 * seed.size()), seed))
        return std::nullopt;
    Array<crypto_sign_PUBLICKEYBYTES> public_key;
    Array<crypto_sign_SECRETKEYBYTES> secret_key;
    Array<crypto_sign_BYTES> signature;
    crypto_sign_seed_keypair(public_key.data(), secret_key.data(), seed.data());
    crypto_sign_detached(signature.data(), nullptr, bytes_of(text), text.size(), secret_key.data());
    std::array<char, 2 * crypto_sign_BYTES + 1> hex;
    sodium_bin2hex(hex.data(), hex.size(), signature.data(), signature.size());
    return std::string(hex.data());
}

bool verify(std::string_view text, std::string_view signature, std::string_view public_key) {
    Array<crypto_sign_BYTES> signature_bytes;
    Array<crypto_sign_PUBLICKEYBYTES> key_bytes;
    return from_hex(signature, signature_bytes) && from_hex(public_key, key_bytes) &&
           crypto_sign_verify_detached(signature_bytes.data(), bytes_of(text), text.size(),
                                       key_bytes.data()) == 0;
}

} // namespace keys
