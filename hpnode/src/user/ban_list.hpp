// SPDX-License-Identifier: Apache-2.0
// Violations and bans per remote address (user-protocol.md 2.7): the sixth violation within ten
// minutes bans for ten minutes. Pure; one owner.
#pragma once

#include <map>
#include <string>

#include "hp/base/time.hpp"

namespace hp::user {

class BanList {
public:
    // Records one violation; true when it bans the host.
    bool violation(const std::string& host, TimeMs now_mono_ms);
    bool banned(const std::string& host, TimeMs now_mono_ms);

private:
    struct Count {
        TimeMs started_ms = 0;
        int violations = 0;
    };
    std::map<std::string, Count> counts_;
    std::map<std::string, TimeMs> banned_until_ms_;
};

} // namespace hp::user
