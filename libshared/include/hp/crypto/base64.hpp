// SPDX-License-Identifier: Apache-2.0
// Base64 (RFC 4648) of secrets, as JSON Web Keys and OpenSSH's key files have them: takes the same
// time whatever the text says. Any thread.
#pragma once

#include "hp/base/bytes.hpp"

#include <optional>

namespace hp::crypto {

// Section 5 without padding, into a buffer of exactly the text's bytes. False leaves `out`
// unspecified.
bool from_base64url(std::string_view text, std::span<std::uint8_t> out);

// Section 4 with padding; line ends may stand anywhere.
std::optional<Bytes> from_base64_lines(std::string_view text);
std::string to_base64(ByteView bytes);

} // namespace hp::crypto
