// SPDX-License-Identifier: Apache-2.0
//
// SHA-256 (FIPS 180-4), for commitments and for naming contents. Not for passwords.
//
// Threads: pure functions, safe from any thread.
#pragma once

#include <hp/contract/bytes.hpp>
#include <hp/contract/key.hpp>

namespace hp::contract {

[[nodiscard]] Hash sha256(BytesView bytes);
[[nodiscard]] inline Hash sha256(std::string_view text) {
    return sha256(as_bytes(text));
}

} // namespace hp::contract
