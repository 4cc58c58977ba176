// SPDX-License-Identifier: Apache-2.0
#include "node/link_faults.hpp"

#include <algorithm>

namespace hp::node {
namespace {

constexpr std::int64_t delay_us_per_ms = 1000;

} // namespace

LinkFaults::LinkFaults(const std::vector<LinkFault>& links, std::uint64_t seed) : random_(seed) {
    for (const LinkFault& fault : links) {
        links_[fault.peer].push_back({fault});
    }
}

bool LinkFaults::blocks(const PublicKey& peer) const {
    const auto found = links_.find(peer);
    return found != links_.end() &&
           std::any_of(found->second.begin(), found->second.end(),
                       [](const Link& link) { return link.fault.blocked && !link.fault.lane; });
}

bool LinkFaults::happens(double share) {
    return share > 0 && std::uniform_real_distribution<double>(0, 1)(random_) < share;
}

std::vector<std::int64_t> LinkFaults::departures(const PublicKey& peer, Lane lane,
                                                 std::size_t bytes, std::int64_t now_us) {
    std::vector<std::int64_t> out{now_us};
    const auto found = links_.find(peer);
    if (found == links_.end()) {
        return out;
    }
    for (Link& link : found->second) {
        const LinkFault& fault = link.fault;
        if (fault.lane && *fault.lane != lane) {
            continue;
        }
        if (fault.blocked || happens(fault.loss)) {
            return {};
        }
        std::int64_t delay_us = fault.latency_ms * delay_us_per_ms;
        if (fault.jitter_ms > 0) {
            delay_us += std::uniform_int_distribution<std::int64_t>(
                0, fault.jitter_ms * delay_us_per_ms)(random_);
        }
        if (fault.bytes_per_second > 0) {
            const auto takes_us =
                static_cast<std::int64_t>(bytes * 1'000'000 / fault.bytes_per_second);
            link.line_free_us = std::max(link.line_free_us, now_us) + takes_us;
            delay_us += link.line_free_us - now_us;
        }
        std::int64_t& last_us = link.last_us[static_cast<std::size_t>(lane)];
        for (std::int64_t& departure : out) {
            departure = last_us = std::max(departure + delay_us, last_us);
        }
        if (happens(fault.duplicate)) {
            out.push_back(out.back());
        }
    }
    return out;
}

} // namespace hp::node
