// SPDX-License-Identifier: Apache-2.0
// Bad links between the nodes of a development cluster: what becomes of a message on its way to a
// peer. Messages keep their order unless they are lost or doubled, as on a slow line. Pure: time
// comes with each message, and the same seed gives the same faults.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <vector>

#include "hp/base/ids.hpp"

namespace hp::node {

// Most urgent first: nothing of a lane leaves while one before it has something to send.
enum class Lane : std::uint8_t { votes, inputs, bulk };

// Of what this node sends to `peer`, and of `blocked` ones also what comes from it.
struct LinkFault {
    PublicKey peer;
    std::uint32_t latency_ms = 0;
    std::uint32_t jitter_ms = 0; // up to so much more
    double loss = 0;             // share of messages
    double duplicate = 0;
    std::uint64_t bytes_per_second = 0; // 0: no limit
    bool blocked = false;               // nothing passes
    std::optional<Lane> lane{};         // only these messages
    bool operator==(const LinkFault&) const = default;
};

class LinkFaults {
public:
    LinkFaults() = default;
    LinkFaults(const std::vector<LinkFault>& links, std::uint64_t seed);

    bool empty() const { return links_.empty(); }
    bool blocks(const PublicKey& peer) const;

    // When copies of a message of `bytes` leave: at once (now), later, twice, or not at all.
    std::vector<std::int64_t> departures(const PublicKey& peer, Lane lane, std::size_t bytes,
                                         std::int64_t now_us);

private:
    struct Link {
        LinkFault fault;
        std::array<std::int64_t, 3> last_us{}; // of each lane: when its last message leaves
        std::int64_t line_free_us = 0;
    };
    bool happens(double share);

    std::map<PublicKey, std::vector<Link>> links_;
    std::mt19937_64 random_;
};

} // namespace hp::node
