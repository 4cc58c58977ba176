// SPDX-License-Identifier: Apache-2.0
// Ed25519 signatures as hex texts, by libsodium.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace keys {

/// With this node's own seed, ../signer.seed. Absent if the node has none: it then signs nothing.
[[nodiscard]] std::optional<std::string> sign(std::string_view text);

[[nodiscard]] bool verify(std::string_view text, std::string_view signature,
                          std::string_view public_key);

} // namespace keys
