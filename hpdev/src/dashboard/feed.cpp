// SPDX-License-Identifier: Apache-2.0
#include "dashboard/feed.hpp"

#include <algorithm>
#include <chrono>

namespace hp::dev {

void Feed::publish(std::string topic, std::string json) {
    const std::lock_guard lock(mutex_);
    events_.push_back({++last_id_, std::move(topic), std::move(json)});
    if (events_.size() > events_max_) {
        events_.pop_front();
    }
    more_.notify_all();
}

std::vector<FeedEvent> Feed::after(std::uint64_t id, std::int64_t wait_ms) {
    std::unique_lock lock(mutex_);
    more_.wait_for(lock, std::chrono::milliseconds(wait_ms),
                   [this, id] { return stopped_ || last_id_ > id; });
    if (stopped_) {
        return {};
    }
    const auto first = std::ranges::upper_bound(events_, id, {}, &FeedEvent::id);
    return {first, events_.end()};
}

std::uint64_t Feed::last_id() const {
    const std::lock_guard lock(mutex_);
    return last_id_;
}

void Feed::stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    more_.notify_all();
}

bool Feed::stopped() const {
    const std::lock_guard lock(mutex_);
    return stopped_;
}

} // namespace hp::dev
