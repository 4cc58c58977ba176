// SPDX-License-Identifier: Apache-2.0
// Messages between nodes, and what becomes of them on the way.
#include <algorithm>

#include "describe.hpp"
#include "world.hpp"

namespace hp::sim {

using namespace consensus;

bool World::is_cut(std::size_t from, std::size_t to) const {
    return cut_[from][to];
}

void World::send(Host& from, std::size_t to_member, const Message& message) {
    if (to_member >= keys_.size() || to_member == from.member || !from.hears[to_member] ||
        is_cut(from.member, to_member)) {
        return;
    }
    for (auto& host : hosts_) {
        if (host->member != to_member || !host->hears[from.member]) {
            continue;
        }
        if (!calm_ && random_.chance(options_.loss)) {
            continue;
        }
        const int copies = !calm_ && random_.chance(options_.duplicate) ? 2 : 1;
        for (int copy = 0; copy < copies; ++copy) {
            std::int64_t delay_us = random_.between(options_.delay_us_min, options_.delay_us_max);
            if (!calm_ && random_.chance(options_.slow_message)) {
                delay_us += random_.between(0, options_.roundtime_ms * 3000);
            }
            at(now_us_ + delay_us,
               [this, to = host.get(), key = from.key, message] { deliver(*to, key, message); });
        }
    }
}

void World::deliver(Host& to, const PublicKey& from, const Message& message) {
    if (!to.engine || is_cut(member_of(from), to.member)) {
        return;
    }
    if (trace_) {
        say(to, "<- " + std::to_string(member_of(from)) + " " + describe(message));
    }
    if (to.byzantine && !calm_) {
        meddle(to, message);
    }
    feed(to, MessageIn{from, message});
}

// A liar signs every vote it hears of, to whoever it likes.
void World::meddle(const Host& liar, const Message& heard) {
    const auto* vote = std::get_if<Vote>(&heard);
    if (vote == nullptr || !random_.chance(0.2)) {
        return;
    }
    Vote forged = *vote;
    forged.by.member = liar.key;
    const std::vector<StatementKind> kinds{StatementKind::prepare, StatementKind::commit,
                                           StatementKind::skip};
    forged.kind = random_.pick(kinds);
    if (forged.kind == StatementKind::skip) {
        forged.digest = {};
    } else if (forged.digest.is_zero()) {
        return;
    }
    for (auto& host : hosts_) {
        if (!host->byzantine && random_.chance(0.5)) {
            at(now_us_ + random_.between(100, options_.delay_us_max),
               [this, to = host.get(), key = liar.key, forged] {
                   feed(*to, MessageIn{key, forged});
               });
        }
    }
}

void World::repartition() {
    for (auto& row : cut_) {
        std::fill(row.begin(), row.end(), false);
    }
    for (auto& host : hosts_) { // twins find new friends
        for (std::size_t i = 0; i < keys_.size(); ++i) {
            host->hears[i] = !host->byzantine || random_.chance(0.7);
        }
    }
    if (calm_ || !options_.partitions || random_.chance(0.3)) {
        return;
    }
    std::vector<bool> side(keys_.size());
    for (std::size_t i = 0; i < side.size(); ++i) {
        side[i] = random_.chance(random_.chance(0.5) ? 0.5 : 0.2);
    }
    for (std::size_t i = 0; i < keys_.size(); ++i) {
        for (std::size_t j = 0; j < keys_.size(); ++j) {
            cut_[i][j] = side[i] != side[j] && (!options_.one_way || side[i]);
        }
    }
}

} // namespace hp::sim
