// SPDX-License-Identifier: Apache-2.0
#include "contract/npl_links.hpp"

#include <utility>

namespace hp::dev {

void NplLinks::enter(const PublicKey& node, const LedgerId& run, contract::NplInlet& inlet) {
    const std::lock_guard lock(mutex_);
    for (Node& one : nodes_) {
        if (one.key == node) {
            one.inlet = &inlet;
            one.run = run;
            tell_all(one);
        }
    }
}

void NplLinks::release() {
    const std::lock_guard lock(mutex_);
    for (Node& one : nodes_) {
        if (std::exchange(one.late, false)) {
            tell_all(one);
        }
    }
}

// What was said so far.
void NplLinks::tell_all(const Node& node) {
    if (node.late || node.inlet == nullptr) {
        return;
    }
    for (const contract::NplMessage& message : said_) {
        if (message.sender != node.key) {
            node.inlet->push(node.run, message.sender, message.bytes);
        }
    }
}

void NplLinks::leave(const PublicKey& node) {
    const std::lock_guard lock(mutex_);
    for (Node& one : nodes_) {
        if (one.key == node) {
            one.inlet = nullptr;
        }
    }
}

void NplLinks::say(const PublicKey& from, const LedgerId& run, const Bytes& message) {
    const std::lock_guard lock(mutex_);
    for (const Node& one : nodes_) {
        if (one.key != from && one.inlet != nullptr && !one.late) {
            one.inlet->push(run, from, message);
        }
    }
    said_.push_back({from, message});
}

} // namespace hp::dev
