// SPDX-License-Identifier: Apache-2.0
#include "hp/base/bytes.hpp"

#include <algorithm>

namespace hp {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

// The value of a hex digit, or 16 for any other character.
constexpr std::uint8_t hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return static_cast<std::uint8_t>(c - '0');
    }
    if (c >= 'a' && c <= 'f') {
        return static_cast<std::uint8_t>(c - 'a' + 10);
    }
    if (c >= 'A' && c <= 'F') {
        return static_cast<std::uint8_t>(c - 'A' + 10);
    }
    return 16;
}

} // namespace

bool equal(ByteView a, ByteView b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

std::string to_hex(ByteView bytes) {
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const std::uint8_t b : bytes) {
        out.push_back(hex_digits[b >> 4]);
        out.push_back(hex_digits[b & 15]);
    }
    return out;
}

bool from_hex(std::string_view text, std::span<std::uint8_t> out) {
    if (text.size() != out.size() * 2) {
        return false;
    }
    for (std::size_t i = 0; i < out.size(); ++i) {
        const std::uint8_t high = hex_value(text[2 * i]);
        const std::uint8_t low = hex_value(text[2 * i + 1]);
        if (high > 15 || low > 15) {
            return false;
        }
        out[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return true;
}

std::optional<Bytes> from_hex(std::string_view text) {
    Bytes out(text.size() / 2);
    if (text.size() % 2 != 0 || !from_hex(text, out)) {
        return std::nullopt;
    }
    return out;
}

} // namespace hp
