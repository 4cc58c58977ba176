// SPDX-License-Identifier: Apache-2.0
//
// UTF-8 checking and JSON quoting. One function knows what a well-formed sequence is; both public
// helpers and the JSON reader build on it.
//
// Threads: pure functions.
#include "utf8.hpp"

#include <hp/contract/bytes.hpp>

#include <charconv>
#include <cstdint>
#include <system_error>

namespace hp::contract {
namespace {

bool is_continuation(char c) noexcept {
    return (static_cast<std::uint8_t>(c) & 0xC0U) == 0x80U;
}

/// Second-byte limits that rule out overlong forms, surrogates and code points above U+10FFFF.
bool second_byte_fits(std::uint8_t first, std::uint8_t second) noexcept {
    switch (first) {
    case 0xE0:
        return second >= 0xA0;
    case 0xED:
        return second <= 0x9F;
    case 0xF0:
        return second >= 0x90;
    case 0xF4:
        return second <= 0x8F;
    default:
        return true;
    }
}

std::size_t expected_length(std::uint8_t first) noexcept {
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return 2;
    if (first >= 0xE0 && first <= 0xEF)
        return 3;
    if (first >= 0xF0 && first <= 0xF4)
        return 4;
    return 0;
}

void append_escaped(std::string& out, char c) {
    constexpr std::string_view digits = "0123456789abcdef";
    switch (c) {
    case '"':
        out += "\\\"";
        return;
    case '\\':
        out += "\\\\";
        return;
    case '\b':
        out += "\\b";
        return;
    case '\f':
        out += "\\f";
        return;
    case '\n':
        out += "\\n";
        return;
    case '\r':
        out += "\\r";
        return;
    case '\t':
        out += "\\t";
        return;
    default:
        break;
    }
    const auto byte = static_cast<std::uint8_t>(c);
    if (byte < 0x20) {
        out += "\\u00";
        out += digits[byte >> 4U];
        out += digits[byte & 0x0FU];
    } else {
        out += c;
    }
}

} // namespace

std::size_t detail::utf8_sequence_size(std::string_view text) noexcept {
    const auto first = static_cast<std::uint8_t>(text.front());
    const std::size_t size = expected_length(first);
    if (size <= 1)
        return size;
    if (text.size() < size || !second_byte_fits(first, static_cast<std::uint8_t>(text[1])))
        return 0;
    for (std::size_t i = 1; i < size; ++i)
        if (!is_continuation(text[i]))
            return 0;
    return size;
}

bool valid_utf8(std::string_view text) noexcept {
    while (!text.empty()) {
        const std::size_t size = detail::utf8_sequence_size(text);
        if (size == 0)
            return false;
        text.remove_prefix(size);
    }
    return true;
}

std::string json_quote(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 2);
    out += '"';
    while (!text.empty()) {
        const std::size_t size = detail::utf8_sequence_size(text);
        if (size == 1)
            append_escaped(out, text.front());
        else if (size == 0)
            out += "\\ufffd";
        else
            out += text.substr(0, size);
        text.remove_prefix(size == 0 ? 1 : size);
    }
    out += '"';
    return out;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> out;
    for (std::size_t at = text.find(separator); at != text.npos; at = text.find(separator)) {
        out.push_back(text.substr(0, at));
        text.remove_prefix(at + 1);
    }
    out.push_back(text);
    return out;
}

std::optional<std::int64_t> parse_integer(std::string_view text) noexcept {
    std::int64_t out = 0;
    const char* const end = text.data() + text.size();
    const auto [at, failed] = std::from_chars(text.data(), end, out);
    return failed == std::errc{} && at == end ? std::optional(out) : std::nullopt;
}

} // namespace hp::contract
