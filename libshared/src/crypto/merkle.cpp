// SPDX-License-Identifier: Apache-2.0
#include "hp/crypto/merkle.hpp"

#include "hp/base/check.hpp"
#include "hp/crypto/blake3.hpp"

namespace hp::crypto {
namespace {

constexpr std::size_t branching = 16;

} // namespace

OutputTree::OutputTree(std::vector<Hash32> leaves) {
    HP_CHECK(!leaves.empty(), "an output tree has at least the state leaf");
    levels_.push_back(std::move(leaves));
    while (levels_.back().size() > 1) {
        const std::vector<Hash32>& below = levels_.back();
        std::vector<Hash32> above;
        for (std::size_t at = 0; at < below.size(); at += branching) {
            const std::size_t count = std::min(branching, below.size() - at);
            above.push_back(count == 1 ? below[at] : b3_list(std::span(below).subspan(at, count)));
        }
        levels_.push_back(std::move(above));
    }
}

TreeNode OutputTree::collapse(std::size_t index) const {
    HP_CHECK(index < levels_.front().size(), "leaf index out of range");
    return collapse(levels_.size() - 1, 0, index);
}

// The node at position `at` of `level`, with the path to leaf `own` opened up.
TreeNode OutputTree::collapse(std::size_t level, std::size_t at, std::size_t own) const {
    std::size_t span = 1; // leaves under one node of this level
    for (std::size_t i = 0; i < level; ++i) {
        span *= branching;
    }
    if (own / span != at) {
        return TreeNode{levels_[level][at]};
    }
    if (level == 0) {
        return TreeNode{std::monostate{}};
    }
    const std::size_t first = at * branching;
    const std::size_t last = std::min(first + branching, levels_[level - 1].size());
    if (last - first == 1) {
        return collapse(level - 1, first, own); // a lone node passed up unchanged
    }
    std::vector<TreeNode> children;
    for (std::size_t child = first; child < last; ++child) {
        children.push_back(collapse(level - 1, child, own));
    }
    return TreeNode{std::move(children)};
}

namespace {

std::optional<Hash32> recompute(const TreeNode& tree, const Hash32& own, int& own_seen) {
    if (tree.is_own_leaf()) {
        ++own_seen;
        return own;
    }
    if (const auto* hash = std::get_if<Hash32>(&tree.value)) {
        return *hash;
    }
    std::vector<Hash32> hashes;
    for (const TreeNode& child : std::get<std::vector<TreeNode>>(tree.value)) {
        const auto hash = recompute(child, own, own_seen);
        if (!hash) {
            return std::nullopt;
        }
        hashes.push_back(*hash);
    }
    if (hashes.empty()) {
        return std::nullopt;
    }
    return b3_list(hashes);
}

} // namespace

std::optional<Hash32> root_of(const TreeNode& tree, const Hash32& own) {
    int own_seen = 0;
    const auto root = recompute(tree, own, own_seen);
    return own_seen == 1 ? root : std::nullopt;
}

Hash32 output_hash(const PublicKey& user, std::span<const Bytes> outputs) {
    Blake3 hasher;
    hasher.update(user.view());
    for (const Bytes& output : outputs) {
        hasher.update(output);
    }
    return hasher.finish();
}

} // namespace hp::crypto
