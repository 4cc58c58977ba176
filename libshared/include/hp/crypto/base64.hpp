// SPDX-License-Identifier: Apache-2.0
// Base64 of secrets, as JSON Web Keys have them: takes the same time whatever the text says. Any
// thread.
#pragma once

#include "hp/base/bytes.hpp"

namespace hp::crypto {

// RFC 4648 section 5 without padding, into a buffer of exactly the text's bytes. False leaves `out`
// unspecified.
bool from_base64url(std::string_view text, std::span<std::uint8_t> out);

} // namespace hp::crypto
