// SPDX-License-Identifier: Apache-2.0
//
// SHA-256, as FIPS 180-4 describes it.
//
// Threads: pure functions.
#include <hp/contract/sha256.hpp>

#include <bit>
#include <cstring>

namespace hp::contract {
namespace {

constexpr std::size_t block_bytes = 64;
using State = std::array<std::uint32_t, 8>;

/// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
constexpr std::array<std::uint32_t, 64> round_constants = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

std::uint32_t word_at(const std::byte* bytes) noexcept {
    std::uint32_t out = 0;
    for (int i = 0; i < 4; ++i)
        out = out << 8 | std::to_integer<std::uint32_t>(bytes[i]);
    return out;
}

void add_block(State& state, const std::byte* block) noexcept {
    std::array<std::uint32_t, 64> w{};
    for (std::size_t i = 0; i < 16; ++i)
        w[i] = word_at(block + 4 * i);
    for (std::size_t i = 16; i < w.size(); ++i) {
        const std::uint32_t a = w[i - 15];
        const std::uint32_t b = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] + (std::rotr(a, 7) ^ std::rotr(a, 18) ^ (a >> 3)) +
               (std::rotr(b, 17) ^ std::rotr(b, 19) ^ (b >> 10));
    }
    State v = state;
    for (std::size_t i = 0; i < w.size(); ++i) {
        const std::uint32_t a = v[0];
        const std::uint32_t e = v[4];
        const std::uint32_t one = v[7] + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) +
                                  ((e & v[5]) ^ (~e & v[6])) + round_constants[i] + w[i];
        const std::uint32_t two = (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) +
                                  ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
        v = {one + two, v[0], v[1], v[2], v[3] + one, v[4], v[5], v[6]};
    }
    for (std::size_t i = 0; i < state.size(); ++i)
        state[i] += v[i];
}

} // namespace

Hash sha256(BytesView bytes) {
    State state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    const std::uint64_t bits = std::uint64_t{bytes.size()} * 8;
    for (; bytes.size() >= block_bytes; bytes = bytes.subspan(block_bytes))
        add_block(state, bytes.data());
    std::array<std::byte, 2 * block_bytes> last{}; // the rest, a one bit, zeros, the size in bits
    if (!bytes.empty())
        std::memcpy(last.data(), bytes.data(), bytes.size());
    last[bytes.size()] = std::byte{0x80};
    const std::size_t end = bytes.size() + 9 <= block_bytes ? block_bytes : 2 * block_bytes;
    for (std::size_t i = 0; i < 8; ++i)
        last[end - 1 - i] = static_cast<std::byte>(bits >> (8 * i));
    for (std::size_t at = 0; at < end; at += block_bytes)
        add_block(state, last.data() + at);

    std::array<std::uint8_t, Hash::bytes_size> out{};
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<std::uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
    return Hash::from_bytes(out);
}

} // namespace hp::contract
