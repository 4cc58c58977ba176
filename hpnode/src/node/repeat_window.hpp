// SPDX-License-Identifier: Apache-2.0
// Recognises that a peer says the same again at once, which no honest node does: it waits for half
// a stage of agreement at least. Pure; one owner.
#pragma once

#include <algorithm>
#include <deque>

#include "hp/base/ids.hpp"
#include "hp/base/time.hpp"

namespace hp::node {

class RepeatWindow {
public:
    bool is_repeat(TimeMs now_mono_ms, const Hash32& message) {
        while (!recent_.empty() &&
               (now_mono_ms - recent_.front().at_ms >= window_ms || recent_.size() >= kept_max)) {
            recent_.pop_front();
        }
        const bool known = std::any_of(recent_.begin(), recent_.end(), [&](const Message& recent) {
            return recent.hash == message;
        });
        if (!known) {
            recent_.push_back({message, now_mono_ms});
        }
        return known;
    }

private:
    static constexpr TimeMs window_ms = 25; // half of the shortest stage
    static constexpr std::size_t kept_max = 256;
    struct Message {
        Hash32 hash;
        TimeMs at_ms;
    };
    std::deque<Message> recent_;
};

} // namespace hp::node
