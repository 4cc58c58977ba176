// SPDX-License-Identifier: Apache-2.0
#include "node/known_peers.hpp"

#include <algorithm>
#include <set>

#include "hp/base/limits.hpp"

namespace hp::node {
namespace {

using List = KnownPeers::List;

// A contract's message may list thousands of addresses.
std::set<config::HostPort> to_set(const List& list) {
    return {list.begin(), list.end()};
}

// The number of entries that went.
std::size_t erase_all(List& list, const List& gone) {
    const std::set<config::HostPort> names = to_set(gone);
    return std::erase_if(list, [&](const config::HostPort& peer) { return names.contains(peer); });
}

List without(const List& list, const List& others) {
    List out = list;
    erase_all(out, others);
    return out;
}

} // namespace

KnownPeers::KnownPeers(List configured) : configured_(std::move(configured)) {
    apply(configured_, {}, false);
}

// Removing first keeps room for what comes, and gives the same list as long as there is room.
KnownPeers::Change KnownPeers::apply(const List& add, const List& remove, bool remove_all) {
    Change change;
    const List gone = remove_all ? without(list_, add) : remove;
    change.removed = erase_all(list_, gone);
    std::set<config::HostPort> seen = to_set(list_);
    for (const config::HostPort& peer : remove_all ? add : without(add, remove)) {
        if (!seen.insert(peer).second) {
            continue;
        }
        if (list_.size() >= limits::known_peers_max) {
            ++change.left_out;
            continue;
        }
        list_.push_back(peer);
        ++change.added;
    }
    return change;
}

bool KnownPeers::is_changed() const {
    return list_ != KnownPeers(configured_).list_;
}

KnownPeers::List KnownPeers::to_store(const List& stored) const {
    KnownPeers merged = *this;
    merged.apply(without(stored, configured_), without(configured_, stored), false);
    List out = merged.list_;
    out.resize(std::min(out.size(), limits::stored_known_peers_max));
    return out;
}

} // namespace hp::node
