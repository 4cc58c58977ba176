// SPDX-License-Identifier: Apache-2.0
//
// Binary search in a list that is sorted by public key (private).
//
// Threads: pure function.
#pragma once

#include <hp/contract/key.hpp>

#include <algorithm>
#include <span>

namespace hp::contract::detail {

/// The entry of `entries` (ascending by `key_of`) with this key, or nullptr.
template <typename Entry, typename KeyOf>
[[nodiscard]] Entry* find_by_key(std::span<Entry> entries, const PublicKey& key, KeyOf key_of) {
    const auto found =
        std::lower_bound(entries.begin(), entries.end(), key,
                         [&key_of](Entry& e, const PublicKey& k) { return key_of(e) < k; });
    return found != entries.end() && key_of(*found) == key ? &*found : nullptr;
}

} // namespace hp::contract::detail
