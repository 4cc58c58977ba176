// SPDX-License-Identifier: Apache-2.0
// The output hash tree of user-protocol.md 9.4 and 9.5: branching 16, a group of one passes up
// unchanged. Pure functions, any thread.
#pragma once

#include <variant>
#include <vector>

#include "hp/base/ids.hpp"

namespace hp::crypto {

// One node of a collapsed tree: the user's own leaf (null on the wire), a hash, or children.
struct TreeNode {
    std::variant<std::monostate, Hash32, std::vector<TreeNode>> value;

    bool is_own_leaf() const { return std::holds_alternative<std::monostate>(value); }
};

class OutputTree {
public:
    // Leaves in tree order: sorted user output hashes, then the state hash. At least one.
    explicit OutputTree(std::vector<Hash32> leaves);

    const Hash32& root() const { return levels_.back().front(); }

    // The tree as seen by the user whose output hash is leaf number `index`.
    TreeNode collapse(std::size_t index) const;

private:
    TreeNode collapse(std::size_t level, std::size_t at, std::size_t own) const;

    std::vector<std::vector<Hash32>> levels_;
};

// Recomputes the root with `own` in place of the null; empty when no null occurs (9.7).
std::optional<Hash32> root_of(const TreeNode& tree, const Hash32& own);

// output_hash of 9.4: B3(key, outputs...).
Hash32 output_hash(const PublicKey& user, std::span<const Bytes> outputs);

} // namespace hp::crypto
