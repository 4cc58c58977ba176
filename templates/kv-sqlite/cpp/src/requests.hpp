// SPDX-License-Identifier: Apache-2.0
// The requests: get, put, delete, list. README.md says what they do.
#pragma once

#include "database.hpp"

#include <hp/contract/value.hpp>

namespace kv {

/// Every node keeps every byte for ever.
inline constexpr std::size_t name_bytes_max = 256;
inline constexpr std::size_t value_bytes_max = 64 * 1024;

[[nodiscard]] hp::contract::Value handle(Database& database, std::string_view request,
                                         bool readonly);

} // namespace kv
