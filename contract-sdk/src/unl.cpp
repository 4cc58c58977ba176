// SPDX-License-Identifier: Apache-2.0
//
// Lookup of nodes.
//
// Threads: immutable, safe from any thread.
#include "find_by_key.hpp"

#include <hp/contract/unl.hpp>

namespace hp::contract {

const UnlNode* Unl::find(const PublicKey& public_key) const noexcept {
    return detail::find_by_key(
        std::span<const UnlNode>(nodes_), public_key,
        [](const UnlNode& node) -> const PublicKey& { return node.public_key; });
}

const UnlNode* Unl::find(std::string_view public_key_hex) const noexcept {
    const auto key = PublicKey::from_hex(public_key_hex);
    return key ? find(*key) : nullptr;
}

} // namespace hp::contract
