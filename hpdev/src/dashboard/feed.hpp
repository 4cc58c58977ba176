// SPDX-License-Identifier: Apache-2.0
// What happens in a cluster, as numbered events that readers follow at their own pace: who was away
// goes on after the last number it has seen, as far as the newest events are still there.
// Thread safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace hp::dev {

struct FeedEvent {
    std::uint64_t id = 0; // from 1
    std::string topic;    // cluster, node, log
    std::string json;     // one line
};

class Feed {
public:
    explicit Feed(std::size_t events_max) : events_max_(events_max) {}

    void publish(std::string topic, std::string json);

    // Events after `id`, waiting up to `wait_ms` for one; empty then, and after stop().
    std::vector<FeedEvent> after(std::uint64_t id, std::int64_t wait_ms);
    std::uint64_t last_id() const;

    void stop();
    bool stopped() const;

private:
    const std::size_t events_max_;
    mutable std::mutex mutex_;
    std::condition_variable more_;
    std::deque<FeedEvent> events_;
    std::uint64_t last_id_ = 0;
    bool stopped_ = false;
};

} // namespace hp::dev
