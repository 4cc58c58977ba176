// SPDX-License-Identifier: Apache-2.0
// Byte strings and hexadecimal text. Bytes owns, ByteView borrows; both are plain values and
// safe to use from any thread. Hex is emitted lowercase and accepted in either case
// (user-protocol.md section 1), strictly: odd lengths and foreign characters are refused.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hp {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline Bytes to_bytes(std::string_view text) {
    const ByteView view = as_bytes(text);
    return Bytes(view.begin(), view.end());
}

inline std::string to_text(ByteView bytes) {
    return std::string(as_text(bytes));
}

inline void append(Bytes& out, ByteView more) {
    out.insert(out.end(), more.begin(), more.end());
}

bool equal(ByteView a, ByteView b);

std::string to_hex(ByteView bytes);

// Empty when the text has an odd length or a character that is no hex digit.
std::optional<Bytes> from_hex(std::string_view text);

// As from_hex, into a buffer of exactly out.size() bytes. False leaves `out` unspecified.
bool from_hex(std::string_view text, std::span<std::uint8_t> out);

} // namespace hp
