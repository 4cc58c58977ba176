// SPDX-License-Identifier: Apache-2.0
// The nodes this one knows how to reach: mesh.known_peers at the start, changed by the contract
// while it runs (contract-protocol.md 8.5), kept in hp.cfg when the node stops in good order.
// Pure; one owner.
#pragma once

#include <vector>

#include "hp/config/config.hpp"

namespace hp::node {

class KnownPeers {
public:
    using List = std::vector<config::HostPort>;

    // In the order given, without repetitions, at most limits::known_peers_max.
    explicit KnownPeers(List configured);

    struct Change {
        std::size_t added = 0;
        std::size_t removed = 0;
        std::size_t left_out = 0; // additions beyond the limit
    };
    // As if first `add` came and then `remove` went; `remove_all` instead forgets everything that
    // was there before.
    Change apply(const List& add, const List& remove, bool remove_all);

    const List& list() const { return list_; }

    // Whether the contract made it another list than at the start.
    bool is_changed() const;

    // What hp.cfg shall say, given what it says now: the first limits::stored_known_peers_max. What
    // an operator added or removed there since the start is added or removed here too.
    List to_store(const List& stored) const;

private:
    List configured_;
    List list_;
};

} // namespace hp::node
