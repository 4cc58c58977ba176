// SPDX-License-Identifier: Apache-2.0
// The identifiers that travel everywhere: hashes, public keys, ledger sequence numbers.
// Plain comparable values, any thread. FixedBytes keeps sizes in the type so that a key can
// never be passed where a hash is meant.
#pragma once

#include <algorithm>
#include <bit>
#include <compare>
#include <cstddef>

#include "hp/base/bytes.hpp"

namespace hp {

template <std::size_t N, class Tag>
struct FixedBytes {
    static constexpr std::size_t size = N;
    std::array<std::uint8_t, N> data{};

    bool operator==(const FixedBytes&) const = default;
    // As bytes; eight at a time, because most of what is compared here are keys of maps, which
    // differ in the first eight.
    std::strong_ordering operator<=>(const FixedBytes& other) const {
        for (std::size_t i = 0; i + 8 <= N; i += 8) {
            const std::uint64_t mine = load(i);
            const std::uint64_t theirs = other.load(i);
            if (mine != theirs) {
                return mine <=> theirs;
            }
        }
        const int rest = std::memcmp(data.data() + N / 8 * 8, other.data.data() + N / 8 * 8, N % 8);
        return rest <=> 0;
    }

    ByteView view() const { return {data.data(), N}; }
    std::string hex() const { return to_hex(view()); }
    std::string short_hex() const { return to_hex(view().first(4)); } // for logs
    bool is_zero() const {
        return std::all_of(data.begin(), data.end(), [](std::uint8_t b) { return b == 0; });
    }

    // Empty unless `bytes` has exactly N bytes.
    static std::optional<FixedBytes> from(ByteView bytes) {
        if (bytes.size() != N) {
            return std::nullopt;
        }
        FixedBytes out;
        std::memcpy(out.data.data(), bytes.data(), N);
        return out;
    }
    static std::optional<FixedBytes> from_hex(std::string_view text) {
        FixedBytes out;
        if (!hp::from_hex(text, out.data)) {
            return std::nullopt;
        }
        return out;
    }

private:
    std::uint64_t load(std::size_t at) const { // big-endian: compares as the bytes do
        std::uint64_t out = 0;
        std::memcpy(&out, data.data() + at, sizeof out);
        return std::endian::native == std::endian::little ? __builtin_bswap64(out) : out;
    }
};

using Hash32 = FixedBytes<32, struct HashTag>;
using Signature = FixedBytes<64, struct SignatureTag>;

// 33 bytes: 0xED, then the Ed25519 key (user-protocol.md section 1). A PublicKey built by
// parse_public_key always has the prefix; nodes and users share the type.
using PublicKey = FixedBytes<33, struct PublicKeyTag>;

inline constexpr std::uint8_t key_prefix = 0xED;

// Exactly 33 bytes with the 0xED prefix, else empty (spec 4.2: strict, where the original is not).
inline std::optional<PublicKey> parse_public_key(ByteView bytes) {
    auto key = PublicKey::from(bytes);
    return key && key->data[0] == key_prefix ? key : std::nullopt;
}
inline std::optional<PublicKey> parse_public_key_hex(std::string_view text) {
    auto key = PublicKey::from_hex(text);
    return key && key->data[0] == key_prefix ? key : std::nullopt;
}

// Ledger sequence number: genesis is 0 and never stored, the first created ledger is 1.
using LedgerSeq = std::uint64_t;

struct LedgerId {
    LedgerSeq seq = 0;
    Hash32 hash;
    auto operator<=>(const LedgerId&) const = default;
};

// For unordered containers outside the deterministic layers: keys are uniformly distributed
// already, so the first bytes after the prefix serve as the hash.
template <class Id>
struct IdHash {
    std::size_t operator()(const Id& id) const {
        std::size_t value = 0;
        std::memcpy(&value, id.data.data() + Id::size - sizeof value, sizeof value);
        return value;
    }
};

} // namespace hp
