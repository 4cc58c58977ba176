// SPDX-License-Identifier: Apache-2.0
//
// Keys and hashes as the contract protocol writes them: lowercase hex on the outside, fixed-size
// binary on the inside. A HexBytes keeps both forms, so neither needs a conversion at the call
// site.
//
// Threads: immutable values, safe from any thread.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace hp::contract {

/// `N` bytes and their 2*N lowercase hex digits. The default value is all zero.
template <std::size_t N>
class HexBytes {
public:
    static constexpr std::size_t bytes_size = N;
    static constexpr std::size_t hex_size = 2 * N;

    HexBytes() noexcept { hex_.fill('0'); }

    /// Nothing unless `hex` is exactly 2*N digits of 0-9 and a-f.
    [[nodiscard]] static std::optional<HexBytes> from_hex(std::string_view hex) noexcept;

    [[nodiscard]] static HexBytes from_bytes(const std::array<std::uint8_t, N>& bytes) noexcept;

    /// Binary form; for a key the first byte is the key type (0xED: Ed25519).
    [[nodiscard]] const std::array<std::uint8_t, N>& bytes() const noexcept { return bytes_; }

    /// Hex form; the view lives as long as this object.
    [[nodiscard]] std::string_view hex() const noexcept { return {hex_.data(), hex_.size()}; }

    friend bool operator==(const HexBytes& a, const HexBytes& b) noexcept {
        return a.bytes_ == b.bytes_;
    }
    friend std::strong_ordering operator<=>(const HexBytes& a, const HexBytes& b) noexcept {
        return a.bytes_ <=> b.bytes_;
    }

private:
    std::array<std::uint8_t, N> bytes_{};
    std::array<char, 2 * N> hex_;
};

extern template class HexBytes<32>;
extern template class HexBytes<33>;
extern template class HexBytes<64>;
extern template class HexBytes<65>;

/// Identifies a user or a node: key type byte and 32 key bytes (66 hex digits).
using PublicKey = HexBytes<33>;
/// Key type byte and the 64-byte Ed25519 secret key, seed first (130 hex digits).
using PrivateKey = HexBytes<65>;
/// A hash, for example of a ledger (64 hex digits).
using Hash = HexBytes<32>;
/// An Ed25519 signature (128 hex digits).
using Signature = HexBytes<64>;

} // namespace hp::contract
