// SPDX-License-Identifier: Apache-2.0
// Messages between nodes, and what becomes of them on the way.
#include <algorithm>

#include "consensus/message_codec.hpp"
#include "consensus/message_signatures.hpp"
#include "hp/crypto/blake3.hpp"
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
    if (!admits(to, from, message)) {
        return;
    }
    if (to.byzantine && !calm_) {
        remember(message);
        if (!from.byzantine) { // else liars would keep each other busy for ever
            lie_about(to, *message);
        }
        if (answer_falsely(to, from, *message)) {
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

// --- signatures, as the node's driver checks them ------------------------------------------------

// Everybody who gets the message would find the same.
bool World::is_signed(const Domain& domain, const Message& message) {
    const Hash32 name = crypto::b3(
        {domain.contract_id_hash.view(), domain.unl_hash.view(), encode_message(message)});
    const auto [known, first] = verdicts_.try_emplace(name);
    if (first) {
        known->second = verify_signatures(domain, message).has_value();
    }
    return known->second;
}

// False: not for the engine, or not yet. With made-up keys there is nothing to check.
bool World::admits(Host& to, const Host& from, const SharedMessage& message) {
    constexpr std::size_t early_max = 1000;
    if (!keyring_.is_real() || sabotage_.signatures_unchecked ||
        is_signed(to.engine->domain(), *message)) {
        return true;
    }
    const std::optional<LedgerSeq> height = height_of(*message);
    const LedgerSeq current = to.engine->lcl().seq + 1;
    if (height && *height < current && std::holds_alternative<SharedOpen>(*message)) {
        feed(to, MessageIn{from.key, GetLedgers{*height}}); // which it lacks
    } else if (height && *height > current) { // perhaps for members it does not know yet
        if (to.early.size() < early_max) {
            to.early.push_back({from.index, message});
        }
        ask_for_ledger(to, from);
    } else if (height == current && !from.byzantine) {
        checker_.violate("signature: node " + to.name + " cannot verify what correct node " +
                         from.name + " sends it: " + describe(*message));
    }
    return false;
}

// Once its time has come.
void World::admit_early(Host& host) {
    const LedgerSeq current = host.engine ? host.engine->lcl().seq + 1 : 0;
    const auto due =
        std::stable_partition(host.early.begin(), host.early.end(), [&](const Host::Early& early) {
            return height_of(*early.message) > current;
        });
    const std::vector<Host::Early> now(due, host.early.end());
    host.early.erase(due, host.early.end());
    for (const Host::Early& early : now) {
        if (host.engine && height_of(*early.message) == current) {
            deliver(host, *hosts_[early.from], early.message);
        }
    }
}

// Signatures are bound to the members of their height, and a node that has missed a change of
// members cannot tell whether who is further has become one.
void World::ask_stranger(Host& host, const Host& from, const Message& message) {
    const auto* open = std::get_if<SharedOpen>(&message);
    if (open != nullptr && (*open)->height > host.engine->lcl().seq + 1 &&
        !host.engine->validators().contains(from.key)) {
        ask_for_ledger(host, from);
    }
}

void World::ask_for_ledger(Host& host, const Host& from) {
    constexpr std::int64_t ask_again_us = 100'000;
    if (now_us_ >= host.asks_from_us) {
        host.asks_from_us = now_us_ + ask_again_us;
        const LedgerSeq current = host.engine->lcl().seq + 1;
        send(host, from.member, encoded(host, GetLedgers{current}));
    }
}

} // namespace hp::sim
