// SPDX-License-Identifier: Apache-2.0
//
// Byte and text views used by every channel of a contract, and the text helpers a contract needs to
// read requests and to answer in valid JSON. A node hands JSON-looking output to JSON users
// verbatim (contract protocol section 8.3), so text that is quoted badly reaches the user as a
// broken message.
//
// Threads: pure functions, safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hp::contract {

using Bytes = std::vector<std::byte>;
using BytesView = std::span<const std::byte>;

/// The same bytes seen as text; nothing is checked or copied.
[[nodiscard]] inline std::string_view as_text(BytesView bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The same text seen as bytes; nothing is copied.
[[nodiscard]] inline BytesView as_bytes(std::string_view text) noexcept {
    return std::as_bytes(std::span<const char>(text.data(), text.size()));
}

/// True if `text` is well-formed UTF-8 (no overlong forms, no surrogates, at most U+10FFFF).
[[nodiscard]] bool valid_utf8(std::string_view text) noexcept;

/// `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD, so the result
/// is always valid JSON; call valid_utf8() first when such input should be refused instead.
[[nodiscard]] std::string json_quote(std::string_view text);

/// The parts of `text` between the separators: one more than there are separators, perhaps empty.
/// Views into `text`.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator = ' ');

/// The number that `text` is, in decimal digits after an optional minus sign, with nothing before
/// or behind it; nothing if it is no such number or does not fit 64 bits.
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text) noexcept;

} // namespace hp::contract
