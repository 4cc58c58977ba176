// SPDX-License-Identifier: Apache-2.0
// Messages between nodes, and what becomes of them on the way.
#include <algorithm>

#include "consensus/message_codec.hpp"
#include "world.hpp"

namespace hp::sim {

using namespace consensus;

// As the other side decodes it, in some simulations.
// Null: a liar's, which nobody would take.
World::SharedMessage World::encoded(const Host& from, const Message& message) {
    if (!options_.encoded) {
        return std::make_shared<const Message>(message);
    }
    auto decoded = decode_message(encode_message(message));
    if (!decoded && from.byzantine) {
        return nullptr;
    }
    if (!decoded) {
        checker_.violate("encoding: cannot decode " + describe(message) + ": " +
                         decoded.err().context);
        return std::make_shared<const Message>(message);
    }
    return std::make_shared<const Message>(*std::move(decoded));
}

void World::broadcast(Host& from, const Message& message) {
    const SharedMessage shared = encoded(from, message);
    std::vector<std::size_t> to;
    for (std::size_t member = 0; member < keys_.size(); ++member) {
        to.push_back(member);
    }
    const auto fits = [&message](const Action& trap) {
        return MessageKinds::parse(trap.word)->has(kind_of(message));
    };
    const std::optional<Action> trap = spring(from, Verb::crash_sending, fits);
    if (trap) {
        std::erase(to, from.member);
        random_.shuffle(to);
        to.resize(std::min(to.size(), static_cast<std::size_t>(trap->number_max)));
    }
    for (const std::size_t member : to) {
        send(from, member, shared);
    }
    if (trap) {
        crash(from);
        restart_later(from, trap->number);
    }
}

void World::send(Host& from, std::size_t to_member, const SharedMessage& message) {
    if (to_member >= keys_.size() || to_member == from.member) {
        return;
    }
    for (Host* to : members_[to_member]) {
        send(from, *to, message);
    }
}

void World::send(Host& from, Host& to, const SharedMessage& message) {
    Link& way = link(from, to);
    if (way.deaf || !message) {
        return;
    }
    std::int64_t held_until_us = 0;
    bool lost = way.cut || (!calm_ && way.random.between(1, 100) <= options_.loss_percent);
    if (!way.holds.empty()) {
        std::erase_if(way.holds, [this](const Hold& hold) { return hold.until_us <= now_us_; });
        for (const Hold& hold : way.holds) {
            if (hold.kinds.has(kind_of(*message))) {
                lost = lost || hold.lost;
                held_until_us = std::max(held_until_us, hold.until_us);
            }
        }
    }
    if (trace_ != nullptr) {
        trace_->message(now_us_ - start_us, from.name, to.name, describe(*message), !lost);
    }
    if (lost) {
        return;
    }
    const bool twice = !calm_ && way.random.between(1, 100) <= options_.duplicate_percent;
    for (int copy = 0; copy < (twice ? 2 : 1); ++copy) {
        std::int64_t delay_us =
            way.random.between(options_.delay_us_min, options_.delay_us_max) + way.delay_us;
        if (!calm_ && way.random.between(1, 100) <= options_.late_percent) {
            delay_us += way.random.between(0, options_.roundtime_ms * 3000);
        }
        at(std::max(now_us_, held_until_us) + delay_us,
           [this, &to, &from, message] { deliver(to, from, message); });
    }
}

void World::deliver(Host& to, const Host& from, const SharedMessage& message) {
    if (!to.engine || link(from, to).cut) {
        return;
    }
    if (trace_ != nullptr) {
        trace_->arrival(now_us_ - start_us, to.name, from.name, describe(*message));
    }
    if (to.byzantine && !calm_) {
        remember(message);
        if (!from.byzantine) { // else liars would keep each other busy for ever
            lie_about(to, *message);
        }
        if (answer_falsely(to, *message)) {
            return;
        }
    }
    // A log that does not know all votes is known not to.
    if (!to.byzantine && !to.engine->may_have_forgotten() && !to.engine->remembers(*message)) {
        checker_.violate("I6: node " + to.name + ": a vote it does not remember");
    }
    ask_stranger(to, from, *message);
    feed(to, MessageIn{from.key, *message});
}

// As the node's driver does: signatures are bound to the members of their height, and a node that
// has missed a change of members cannot tell whether who is further has become one.
void World::ask_stranger(Host& host, const Host& from, const Message& message) {
    constexpr std::int64_t ask_again_us = 100'000;
    const auto* open = std::get_if<SharedOpen>(&message);
    const LedgerSeq current = host.engine->lcl().seq + 1;
    if (open != nullptr && (*open)->height > current &&
        !host.engine->validators().contains(from.key) && now_us_ >= host.asks_from_us) {
        host.asks_from_us = now_us_ + ask_again_us;
        send(host, from.member, encoded(host, GetLedger{current}));
    }
}

} // namespace hp::sim
