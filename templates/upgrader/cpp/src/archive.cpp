// SPDX-License-Identifier: Apache-2.0
#include "archive.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace archive {
namespace {

constexpr std::size_t block_bytes = 512;

std::string_view field(std::string_view header, std::size_t at, std::size_t size) {
    const std::string_view out = header.substr(at, size);
    return out.substr(0, out.find('\0'));
}

std::optional<std::size_t> octal(std::string_view text) {
    std::size_t out = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out, 8);
    const bool whole = failed == std::errc{} && end == text.data() + text.size();
    return whole ? std::optional(out) : std::nullopt;
}

/// Letters, digits, dots, dashes, underscores; no part that is hidden or leads elsewhere.
bool is_safe(std::string_view name) {
    return !name.empty() && name[0] != '/' && name[0] != '.' && name.find("/.") == name.npos &&
           name.find("//") == name.npos && name.back() != '/' &&
           std::ranges::all_of(name, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '-' || c == '_' || c == '/';
           });
}

hp::contract::Error bad(std::string what) {
    return {std::errc::bad_message, std::move(what)};
}

} // namespace

hp::contract::Result<Files> read(std::string_view bytes) {
    Files out;
    while (bytes.size() >= block_bytes && bytes[0] != '\0') {
        const std::string_view header = bytes.substr(0, block_bytes);
        const std::string_view prefix = field(header, 345, 155);
        const std::string name =
            (prefix.empty() ? "" : std::string(prefix) + "/") + std::string(field(header, 0, 100));
        const auto size = octal(field(header, 124, 12));
        const auto mode = octal(field(header, 100, 8));
        bytes.remove_prefix(block_bytes);
        if (!size || !mode || *size > bytes.size() || header[156] != '0')
            return bad("this is not a bundle");
        if (!is_safe(name))
            return bad("a file of the bundle has a name that is not allowed: " + name);
        if (!out.emplace(name, File{bytes.substr(0, *size), (*mode & 0111U) != 0}).second)
            return bad("the bundle has two files called " + name);
        const std::size_t padded = (*size + block_bytes - 1) / block_bytes * block_bytes;
        bytes.remove_prefix(std::min(padded, bytes.size()));
    }
    if (out.empty())
        return bad("this is not a bundle");
    return out;
}

} // namespace archive
