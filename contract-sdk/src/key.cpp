// SPDX-License-Identifier: Apache-2.0
//
// Hex forms of keys and hashes. Only lowercase digits are taken: a key has one spelling, so
// equal keys are equal text everywhere.
//
// Threads: pure functions.
#include <hp/contract/key.hpp>

#include <algorithm>

namespace hp::contract {
namespace {

/// Value of one lowercase hex digit, or -1.
constexpr int digit_value(char c) noexcept {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

} // namespace

template <std::size_t N>
std::optional<HexBytes<N>> HexBytes<N>::from_hex(std::string_view hex) noexcept {
    if (hex.size() != hex_size)
        return std::nullopt;
    HexBytes out;
    for (std::size_t i = 0; i < N; ++i) {
        const int high = digit_value(hex[2 * i]);
        const int low = digit_value(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return std::nullopt;
        out.bytes_[i] = static_cast<std::uint8_t>(high * 16 + low);
    }
    std::copy(hex.begin(), hex.end(), out.hex_.begin());
    return out;
}

template <std::size_t N>
HexBytes<N> HexBytes<N>::from_bytes(const std::array<std::uint8_t, N>& bytes) noexcept {
    HexBytes out;
    out.bytes_ = bytes;
    for (std::size_t i = 0; i < hex_size; ++i)
        out.hex_[i] = "0123456789abcdef"[bytes[i / 2] >> (i % 2 == 0 ? 4U : 0U) & 15U];
    return out;
}

template class HexBytes<32>;
template class HexBytes<33>;
template class HexBytes<64>;
template class HexBytes<65>;

} // namespace hp::contract
