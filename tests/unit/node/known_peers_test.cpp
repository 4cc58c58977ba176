// SPDX-License-Identifier: Apache-2.0
// The list of known peers under changes by the contract and by the operator: contract-protocol.md
// 8.5 and section 15, test 69.
#include "node/known_peers.hpp"

#include <catch2/catch.hpp>

#include "hp/base/limits.hpp"

using namespace hp;
using node::KnownPeers;
using List = KnownPeers::List;

namespace {

List peers(const std::vector<std::string>& hosts) {
    List out;
    for (const std::string& host : hosts) {
        out.push_back({host, 22860});
    }
    return out;
}

List many(const std::string& prefix, std::size_t count) {
    List out;
    for (std::size_t i = 0; i < count; ++i) {
        out.push_back({prefix + std::to_string(i), 1});
    }
    return out;
}

} // namespace

TEST_CASE("the configured peers are known, once each", "[node]") {
    const KnownPeers known(peers({"b", "a", "b"}));
    CHECK(known.list() == peers({"b", "a"}));
    CHECK_FALSE(known.is_changed());
    CHECK(KnownPeers({}).list().empty());
    CHECK(KnownPeers({{"a", 1}, {"a", 2}}).list().size() == 2); // the port counts
}

TEST_CASE("peers are added and removed", "[node]") {
    KnownPeers known(peers({"a", "b"}));
    const auto change = known.apply(peers({"c", "a", "c"}), peers({"b", "x"}), false);
    CHECK(known.list() == peers({"a", "c"}));
    CHECK(change.added == 1);
    CHECK(change.removed == 1);
    CHECK(change.left_out == 0);
    CHECK(known.is_changed());
}

TEST_CASE("what is added and removed at once is not known", "[node]") {
    KnownPeers known(peers({"a"}));
    known.apply(peers({"b", "c"}), peers({"b", "a"}), false);
    CHECK(known.list() == peers({"c"}));
}

TEST_CASE("forgetting everything leaves the additions", "[node]") {
    KnownPeers known(peers({"a", "b", "c"}));
    const auto change = known.apply(peers({"b", "d"}), {}, true);
    CHECK(known.list() == peers({"b", "d"}));
    CHECK(change.added == 1);
    CHECK(change.removed == 2);
    known.apply({}, {}, true);
    CHECK(known.list().empty());
}

TEST_CASE("a change and its opposite are no change", "[node]") {
    KnownPeers known(peers({"a"}));
    known.apply(peers({"b"}), {}, false);
    CHECK(known.is_changed());
    known.apply({}, peers({"b"}), false);
    CHECK_FALSE(known.is_changed());
}

TEST_CASE("the list is bounded, and removals make room first", "[node]") {
    KnownPeers known(many("old", limits::known_peers_max + 10));
    CHECK(known.list().size() == limits::known_peers_max);
    CHECK_FALSE(known.is_changed());
    const auto full = known.apply(peers({"new"}), {}, false);
    CHECK(full.left_out == 1);
    CHECK(full.added == 0);
    const auto swapped = known.apply(peers({"new", "newer"}), {{"old3", 1}}, false);
    CHECK(swapped.added == 1);
    CHECK(swapped.left_out == 1);
    CHECK(known.list().back() == config::HostPort{"new", 22860});
    CHECK(known.list().size() == limits::known_peers_max);
}

TEST_CASE("hp.cfg gets the list with the operator's own changes, and not too much", "[node]") {
    KnownPeers known(peers({"a", "b", "c"}));
    known.apply(peers({"contract"}), peers({"a"}), false);
    CHECK(known.to_store(peers({"a", "b", "c"})) == peers({"b", "c", "contract"}));
    // Meanwhile the operator added one and removed another.
    CHECK(known.to_store(peers({"operator", "a", "b"})) == peers({"b", "contract", "operator"}));
    CHECK(known.list() == peers({"b", "c", "contract"}));

    known.apply(many("more", 200), {}, false);
    const List stored = known.to_store(peers({"a", "b", "c"}));
    CHECK(stored.size() == limits::stored_known_peers_max);
    CHECK(stored.front() == config::HostPort{"b", 22860});
}
