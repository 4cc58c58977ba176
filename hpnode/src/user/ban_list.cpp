// SPDX-License-Identifier: Apache-2.0
#include "user/ban_list.hpp"

#include "hp/base/limits.hpp"

namespace hp::user {

bool BanList::violation(const std::string& host, TimeMs now_mono_ms) {
    if (counts_.size() >= limits::violation_hosts_max && counts_.count(host) == 0) {
        std::erase_if(counts_, [&](const auto& entry) {
            return now_mono_ms - entry.second.started_ms > limits::violation_window_ms;
        });
        if (counts_.size() >= limits::violation_hosts_max) {
            counts_.erase(counts_.begin());
        }
    }
    auto [entry, fresh] = counts_.try_emplace(host, Count{now_mono_ms, 0});
    Count& count = entry->second;
    if (now_mono_ms - count.started_ms > limits::violation_window_ms) {
        count = Count{now_mono_ms, 0};
    }
    if (++count.violations <= limits::violations_before_ban) {
        return false;
    }
    counts_.erase(entry);
    std::erase_if(banned_until_ms_, [&](const auto& b) { return b.second <= now_mono_ms; });
    if (banned_until_ms_.size() >= limits::bans_max) {
        return false;
    }
    banned_until_ms_[host] = now_mono_ms + limits::ban_ms;
    return true;
}

bool BanList::banned(const std::string& host, TimeMs now_mono_ms) {
    const auto ban = banned_until_ms_.find(host);
    return ban != banned_until_ms_.end() && ban->second > now_mono_ms;
}

} // namespace hp::user
