// SPDX-License-Identifier: Apache-2.0
// SHA-256, for formats of others that name things by it; our own hash is BLAKE3. Any thread.
#pragma once

#include "hp/base/bytes.hpp"

#include <array>

namespace hp::crypto {

std::array<std::uint8_t, 32> sha256(ByteView bytes);

} // namespace hp::crypto
