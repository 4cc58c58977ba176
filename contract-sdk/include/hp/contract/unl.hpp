// SPDX-License-Identifier: Apache-2.0
//
// The unique node list: the nodes this node trusts, as told at the start of the run (contract
// protocol section 7.4). Present in both modes.
//
// Threads: immutable during a run, safe from any thread.
#pragma once

#include <hp/contract/key.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace hp::contract {

struct UnlNode {
    PublicKey public_key;

    /// When this node last heard a proposal of that node, in ms since the epoch; 0 if never.
    /// NOT DETERMINISTIC: every node has its own value, so it must never reach state or outputs
    /// unless the nodes agree on it first (for example over NPL).
    std::uint64_t active_on_ms = 0;
};

/// The nodes in ascending order of their binary key.
class Unl {
public:
    /// `nodes` must be sorted by key, without duplicates.
    explicit Unl(std::vector<UnlNode> nodes) noexcept : nodes_(std::move(nodes)) {}

    [[nodiscard]] std::span<const UnlNode> list() const noexcept { return nodes_; }
    [[nodiscard]] std::size_t count() const noexcept { return nodes_.size(); }

    /// The node with this key (binary, or 66 lowercase hex digits), or nullptr.
    [[nodiscard]] const UnlNode* find(const PublicKey& public_key) const noexcept;
    [[nodiscard]] const UnlNode* find(std::string_view public_key_hex) const noexcept;

    [[nodiscard]] auto begin() const noexcept { return nodes_.begin(); }
    [[nodiscard]] auto end() const noexcept { return nodes_.end(); }

private:
    std::vector<UnlNode> nodes_;
};

} // namespace hp::contract
