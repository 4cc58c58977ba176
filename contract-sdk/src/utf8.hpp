// SPDX-License-Identifier: Apache-2.0
//
// The one definition of a well-formed UTF-8 sequence in the SDK (private).
//
// Threads: pure function.
#pragma once

#include <cstddef>
#include <string_view>

namespace hp::contract::detail {

/// Bytes in the well-formed sequence that `text` (not empty) begins with, or 0 if there is none.
[[nodiscard]] std::size_t utf8_sequence_size(std::string_view text) noexcept;

} // namespace hp::contract::detail
