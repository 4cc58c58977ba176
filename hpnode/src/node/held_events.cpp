// SPDX-License-Identifier: Apache-2.0
#include "node/held_events.hpp"

#include <utility>
#include <variant>

namespace hp::node {
namespace {

// Others repeat them; a tick is due anyway when the node goes on; users were answered already.
bool is_lost(const consensus::Event& event) {
    return std::holds_alternative<consensus::MessageIn>(event) ||
           std::holds_alternative<consensus::PeerJoined>(event) ||
           std::holds_alternative<consensus::Tick>(event) ||
           std::holds_alternative<consensus::InputIn>(event);
}

} // namespace

void HeldEvents::hold(consensus::Event event) {
    if (const auto* joined = std::get_if<consensus::UserJoined>(&event)) {
        if (left_.erase(joined->user) == 0) {
            joined_.insert(joined->user);
        }
    } else if (const auto* left = std::get_if<consensus::UserLeft>(&event)) {
        if (joined_.erase(left->user) == 0) {
            left_.insert(left->user);
        }
    } else if (!is_lost(event)) {
        ends_.push_back(std::move(event));
    }
}

std::deque<consensus::Event> HeldEvents::release() {
    std::deque<consensus::Event> out = std::exchange(ends_, {});
    for (const PublicKey& user : std::exchange(joined_, {})) {
        out.emplace_back(consensus::UserJoined{user});
    }
    for (const PublicKey& user : std::exchange(left_, {})) {
        out.emplace_back(consensus::UserLeft{user});
    }
    return out;
}

} // namespace hp::node
