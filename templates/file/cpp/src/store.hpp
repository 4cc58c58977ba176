// SPDX-License-Identifier: Apache-2.0
// The requests: one line of words, and for "put" the bytes behind it. README.md has the list.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace store {

// Every node keeps every byte for ever, so there are limits on everything.
inline constexpr std::uint64_t chunk_bytes_max = 1024 * 1024;
inline constexpr std::uint64_t file_bytes_max = 64 * chunk_bytes_max;
inline constexpr std::uint64_t store_bytes_max = 4 * file_bytes_max;
inline constexpr std::size_t name_bytes_max = 64;

/// The answer: JSON, or of "get" the bytes themselves. Throws when the disk fails.
[[nodiscard]] std::string handle(std::string_view request, bool readonly);

} // namespace store
