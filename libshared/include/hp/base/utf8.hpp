// SPDX-License-Identifier: Apache-2.0
// Well-formed UTF-8 (Unicode table 3-7: no overlong forms, no surrogates). Any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace hp {

// Length of the well-formed sequence at the start of `text`, 0 when there is none.
std::size_t utf8_length(std::string_view text);

bool is_utf8(std::string_view text);

} // namespace hp
