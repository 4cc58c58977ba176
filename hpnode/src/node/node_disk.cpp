// SPDX-License-Identifier: Apache-2.0
// A node whose disk is nearly full is suspended: it takes no part in consensus, so that nothing
// grows, and goes on where it was when there is room again. To the others it is like a node that
// stands still. Read requests, queries and what other nodes fetch go on, as far as they need what
// is here already.
#include "node/node.hpp"

namespace hp::node {
namespace {

constexpr std::int64_t look_us = 1'000'000;

} // namespace

void Node::watch_disk() {
    look_at_disk();
    disk_timer_.arm_after(look_us, [this] { watch_disk(); });
}

// Also after each ledger: fast ones fill more than a little in a second.
void Node::look_at_disk() {
    if (!disk_room_.look()) {
        return;
    }
    if (disk_room_.shortage()) {
        suspend();
    } else {
        resume();
    }
}

void Node::suspend() {
    log_.error("this node takes no part in consensus for now: " + suspended_why() +
               "; make room, or give the node another file system");
    for (consensus::Event& event : events_) {
        held_.hold(std::move(event));
    }
    events_.clear();
    users_->publish(proto::Channel::ledger_event, proto::VoteStatusEvent{vote_status()});
}

void Node::resume() {
    log_.info("resumed: there is room on the disk again", {{"lcl", engine_->lcl().seq}});
    const proto::VoteStatus before = engine_->vote_status();
    if (first_effects_) {
        perform_all(*std::exchange(first_effects_, std::nullopt));
    }
    for (consensus::Event& event : held_.release()) {
        feed(std::move(event));
    }
    feed(consensus::Tick{});
    if (!is_suspended() && engine_->vote_status() == before) { // else it has been told
        users_->publish(proto::Channel::ledger_event, proto::VoteStatusEvent{before});
    }
}

// What the engine wants at first. Of a node that starts on a full disk it has to wait.
void Node::begin(consensus::Effects effects) {
    if (is_suspended()) {
        first_effects_ = std::move(effects);
    } else {
        perform_all(effects);
    }
}

std::string Node::suspended_why() const {
    return is_suspended() ? describe(*disk_room_.shortage()) : std::string();
}

// A suspended node does not know how the others are.
proto::VoteStatus Node::vote_status() const {
    return is_suspended() ? proto::VoteStatus::unreliable : engine_->vote_status();
}

} // namespace hp::node
