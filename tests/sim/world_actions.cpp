// SPDX-License-Identifier: Apache-2.0
// What the scenario and the users do.
#include <algorithm>

#include "hp/proto/user_codec.hpp"
#include "world.hpp"

namespace hp::sim {

using namespace consensus;

namespace {

constexpr std::size_t kept_inputs = 64;

bool is_in(const Nodes& nodes, std::size_t member) {
    return std::find(nodes.begin(), nodes.end(), member) != nodes.end();
}

} // namespace

// --- scenario ------------------------------------------------------------------------------------

void World::act(const Action& action) {
    if (trace_ != nullptr) {
        trace_->event(now_us_ - start_us, hosts_.front()->name, "--- " + to_text(action));
    }
    if (action.verb == Verb::note) {
        note();
    } else if (action.verb > Verb::note) {
        expect(action);
    } else if (!act_on_links(action) && !act_on_nodes(action)) {
        act_on_contract(action);
    }
}

bool World::act_on_links(const Action& action) {
    switch (action.verb) {
    case Verb::split:
        split(action.groups);
        return true;
    case Verb::cut:
        cut(action.from, action.to);
        return true;
    case Verb::heal:
        for (Link& way : links_) {
            way.cut = false;
            way.delay_us = 0;
            way.holds.clear();
        }
        return true;
    case Verb::delay:
        each(action.from, [&](Host& from) {
            each(action.to, [&](Host& to) { link(from, to).delay_us = action.number * 1000; });
        });
        return true;
    case Verb::hold:
    case Verb::lose:
        set_hold(action);
        return true;
    case Verb::hear: {
        Host& twin = *members_[action.twin.member][action.twin.half];
        for (auto& other : hosts_) {
            const bool deaf = !is_in(action.to, other->member);
            link(twin, *other).deaf = deaf;
            link(*other, twin).deaf = deaf;
        }
        return true;
    }
    default:
        return false;
    }
}

void World::set_hold(const Action& action) {
    const Hold hold{*MessageKinds::parse(action.word), now_us_ + action.number * 1000,
                    action.verb == Verb::lose};
    each(action.from, [&](Host& from) {
        each(action.to, [&](Host& to) { link(from, to).holds.push_back(hold); });
    });
}

void World::cut(const Nodes& from, const Nodes& to) {
    each(from, [&](Host& a) { each(to, [&](Host& b) { link(a, b).cut = true; }); });
}

void World::split(Groups groups) {
    for (Link& way : links_) {
        way.cut = false;
    }
    if (groups.empty()) { // random
        groups.resize(2);
        for (std::size_t member = 0; member < keys_.size(); ++member) {
            groups[random_.below(2)].push_back(member);
        }
    }
    for (const Nodes& group : groups) {
        for (std::size_t member = 0; member < keys_.size(); ++member) {
            if (!is_in(group, member)) {
                cut(group, {member});
                cut({member}, group);
            }
        }
    }
}

bool World::act_on_nodes(const Action& action) {
    const auto set = [&](auto what) { each(action.from, what); };
    switch (action.verb) {
    case Verb::crash:
        set([this](Host& host) { crash(host); });
        return true;
    case Verb::start:
        set([this](Host& host) { boot(host); });
        return true;
    case Verb::crash_writing:
    case Verb::crash_sending:
        traps_.push_back(action);
        return true;
    case Verb::clock:
        set([&](Host& host) { host.clock_offset_ms = action.number; });
        return true;
    case Verb::drift:
        set([&](Host& host) {
            host.drift_ppm = action.number;
            host.clock_since_us = now_us_;
        });
        return true;
    case Verb::disk_slow:
        set([&](Host& host) { host.disk_ms = action.number; });
        return true;
    case Verb::disk_full:
        set([](Host& host) { host.disk_full = true; });
        return true;
    case Verb::disk_ok:
        set([this](Host& host) { repair_disk(host); });
        return true;
    case Verb::spoil_log:
        set([this](Host& host) { spoil(host); });
        return true;
    case Verb::backup:
        set([this](Host& host) { make_backup(host); });
        return true;
    case Verb::restore:
        set([this](Host& host) { restore_backup(host); });
        return true;
    default:
        return false;
    }
}

bool World::act_on_contract(const Action& action) {
    switch (action.verb) {
    case Verb::differ:
        each(action.from, [&](Host& host) { host.differs_percent = action.number; });
        return true;
    case Verb::inputs:
        for (std::int64_t i = 0; i < action.number; ++i) {
            submit();
        }
        return true;
    default:
        patch_.push_back(action);
        return true;
    }
}

// A trap goes off once; whether it fits what the host is about to do is the caller's to say.
std::optional<Action> World::spring(const Host& host, Verb verb,
                                    const std::function<bool(const Action&)>& fits) {
    const auto found = std::find_if(traps_.begin(), traps_.end(), [&](const Action& trap) {
        return trap.verb == verb && is_in(trap.from, host.member) && fits(trap);
    });
    if (calm_ || found == traps_.end()) {
        return std::nullopt;
    }
    Action sprung = std::move(*found);
    traps_.erase(found);
    return sprung;
}

// From here on correct nodes are up and connected, and liars are silent.
void World::heal() {
    calm_ = true;
    traps_.clear();
    for (Link& way : links_) {
        way.cut = false;
        way.deaf = false;
        way.delay_us = 0;
        way.holds.clear();
    }
    height_at_calm_ = checker_.height();
    for (auto& host : hosts_) {
        repair_disk(*host);
        host->differs_percent = 0;
        if (host->byzantine) {
            crash(*host);
        } else {
            boot(*host);
            const bool member = host->member < static_cast<std::size_t>(options_.nodes);
            remembering_at_calm_ +=
                member && host->engine && !host->engine->may_have_forgotten() ? 1 : 0;
        }
    }
}

// --- users ---------------------------------------------------------------------------------------

void World::submit_often() {
    const std::int64_t mean_us = 60'000'000 / options_.inputs_per_minute;
    at(now_us_ + random_.between(1, 2 * mean_us), [this] { submit_often(); });
    submit();
}

void World::submit() {
    Host& host = *hosts_[random_.below(hosts_.size())];
    const bool again = random_.chance(0.1) && !submitted_.empty();
    if (!host.engine || host.byzantine) {
        return;
    }
    proto::SharedInput input =
        again ? random_.pick(submitted_) : make_input(host.engine->lcl().seq);
    if (!input) {
        checker_.violate("the simulation made a malformed input");
        return;
    }
    if (!again) {
        submitted_.push_back(input);
        if (submitted_.size() > kept_inputs) {
            submitted_.erase(submitted_.begin());
        }
        submitted_at_us_.emplace(input->hash, now_us_);
    }
    give(host, input);
    if (random_.chance(0.1)) { // impatient users
        Host& other = *hosts_[random_.below(hosts_.size())];
        if (other.engine && !other.byzantine) {
            give(other, input);
        }
    }
}

void World::give(Host& host, const proto::SharedInput& input) {
    checker_.submitted(host.index, host.life, input);
    feed(host, InputIn{input});
}

// Now and then a nonce is used twice or out of order, an expiry is wrong, or a signature.
proto::SharedInput World::make_input(LedgerSeq height) {
    const std::size_t user = random_.below(users);
    const std::uint64_t nonce = random_.chance(0.1) && nonces_[user] > 0
                                    ? nonces_[user]
                                    : nonces_[user] + random_.below(3) + 1;
    nonces_[user] = std::max(nonces_[user], nonce);
    const LedgerSeq max_seq = height + random_.below(12);
    std::string payload = "input " + std::to_string(order_);
    payload.resize(payload.size() + random_.below(20), '.');
    const Bytes container =
        proto::encode_container(proto::Encoding::json, {to_bytes(payload), nonce, max_seq});
    const PublicKey key = keyring_.user(user);
    Signature signature = keyring_.sign_input(key, container);
    if (random_.chance(0.02)) {
        signature.data[0] ^= 1;
    }
    const auto input = proto::make_signed_input(key, proto::Encoding::json, container, signature);
    return input ? *input : nullptr;
}

} // namespace hp::sim
