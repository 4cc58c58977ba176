// SPDX-License-Identifier: Apache-2.0
// What happens while a node is suspended, for its engine to hear later: to the engine it is as if
// the process had stood still. The ends of what it has begun are kept, of which there are few.
// Messages of others are lost, as on a link that was down: they are said again as long as they
// matter. One thread.
#pragma once

#include <deque>
#include <set>

#include "consensus/event.hpp"

namespace hp::node {

class HeldEvents {
public:
    void hold(consensus::Event event);
    // All of them, in an order in which they could have happened.
    std::deque<consensus::Event> release();

private:
    std::deque<consensus::Event> ends_;
    // Users who are connected now and were not before, and the other way round.
    std::set<PublicKey> joined_;
    std::set<PublicKey> left_;
};

} // namespace hp::node
