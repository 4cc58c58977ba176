// SPDX-License-Identifier: Apache-2.0
// Statuses and outputs for users who are not connected at the moment: kept for a short time and
// handed over when they come back, in whatever encoding they come back with (user-protocol.md
// section 18, I12). Bounded per user and in total; the oldest go first. Pure; one owner.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <vector>

#include "hp/proto/user_message.hpp"

namespace hp::user {

class Outbox {
public:
    void put(const PublicKey& user, proto::ServerMessage message, std::size_t bytes,
             TimeMs now_mono_ms);
    std::vector<proto::ServerMessage> take(const PublicKey& user, TimeMs now_mono_ms);
    void expire(TimeMs now_mono_ms);

private:
    struct Kept {
        proto::ServerMessage message;
        std::size_t bytes = 0;
        TimeMs until_ms = 0;
    };
    void drop_oldest(std::deque<Kept>& queue);

    std::map<PublicKey, std::deque<Kept>> users_;
    std::size_t bytes_ = 0;
};

} // namespace hp::user
