// SPDX-License-Identifier: Apache-2.0
#include "user/outbox.hpp"

#include "hp/base/limits.hpp"

namespace hp::user {

void Outbox::put(const PublicKey& user, proto::ServerMessage message, std::size_t bytes,
                 TimeMs now_mono_ms) {
    if (bytes_ + bytes > limits::redelivery_bytes_max) {
        expire(now_mono_ms);
        if (bytes_ + bytes > limits::redelivery_bytes_max) {
            return; // the ledgers still tell (13)
        }
    }
    std::deque<Kept>& queue = users_[user];
    if (queue.size() >= limits::redelivery_messages_per_user_max) {
        drop_oldest(queue);
    }
    queue.push_back({std::move(message), bytes, now_mono_ms + limits::redelivery_ms});
    bytes_ += bytes;
}

std::vector<proto::ServerMessage> Outbox::take(const PublicKey& user, TimeMs now_mono_ms) {
    std::vector<proto::ServerMessage> out;
    const auto found = users_.find(user);
    if (found == users_.end()) {
        return out;
    }
    for (Kept& kept : found->second) {
        bytes_ -= kept.bytes;
        if (kept.until_ms > now_mono_ms) {
            out.push_back(std::move(kept.message));
        }
    }
    users_.erase(found);
    return out;
}

void Outbox::expire(TimeMs now_mono_ms) {
    for (auto& [user, queue] : users_) {
        while (!queue.empty() && queue.front().until_ms <= now_mono_ms) {
            drop_oldest(queue);
        }
    }
    std::erase_if(users_, [](const auto& entry) { return entry.second.empty(); });
}

void Outbox::drop_oldest(std::deque<Kept>& queue) {
    bytes_ -= queue.front().bytes;
    queue.pop_front();
}

} // namespace hp::user
