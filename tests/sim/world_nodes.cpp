// SPDX-License-Identifier: Apache-2.0
// Nodes start, crash, and perform what their engines ask for.
#include <algorithm>

#include "world.hpp"

namespace hp::sim {

using namespace consensus;

Instant World::now_at(const Host& host) const {
    const std::int64_t since_us = now_us_ - start_us;
    const std::int64_t drifted_us = (now_us_ - host.clock_since_us) * host.drift_ppm / 1'000'000;
    return {now_us_, start_wall_ms + (since_us + drifted_us) / 1000 + host.clock_offset_ms};
}

std::size_t World::member_of(const PublicKey& key) const {
    return static_cast<std::size_t>(std::find(keys_.begin(), keys_.end(), key) - keys_.begin());
}

void World::boot(Host& host) {
    if (host.engine) {
        return;
    }
    if (now_us_ < host.boots_from_us) {
        at(host.boots_from_us, [this, &host] { boot(host); });
        return;
    }
    Start start;
    const LedgerSeq head = host.ledgers.empty() ? 0 : host.ledgers.rbegin()->first;
    start.nonces = nonces_of(host);
    if (head > 0) {
        start.head = host.ledgers.at(head).ledger;
        start.certified = host.ledgers.at(head).certified;
    }
    if (!host.state) {
        host.state = std::make_shared<proto::ExecutionResult>(); // genesis
    }
    start.result = host.state;
    ++host.starts;
    Disk::Started votes =
        host.disk.start(head, static_cast<std::uint64_t>(now_at(host).wall_ms / 1000));
    if (!votes.problem.empty()) {
        say(host, votes.problem);
    }
    if (!calm_ && host.random.between(1, 100) <= options_.crash_in_boot_percent) {
        say(host, "crash before the first ledger store write of this start");
        host.disk.stop(true);
        restart_later(host, host.random.between(1, 1'000));
        return;
    }
    host.disk.started();
    if (!sabotage_.log_forgotten) {
        start.log = std::move(votes.records);
    }
    Identity identity{
        host.key,        true, {}, {}, host.disk.incarnation(), !host.disk.is_complete(),
        sabotage_.lifted};
    identity.nonce_secret.data[0] = static_cast<std::uint8_t>(host.index);
    say(host, "boot at ledger " + std::to_string(head));
    if (host.state->seq > head) {
        checker_.violate("durability: node " + host.name + " has lost ledgers it went on from");
        return;
    }
    Effects effects;
    const Hash32 config = start.head ? start.head->header.config_hash : Hash32{};
    host.engine = std::make_unique<Engine>(configs_.at(config), identity, *host.signer,
                                           std::move(start), now_at(host), effects);
    host.feeding = true;
    const std::uint64_t life = host.life;
    perform_all(host, effects);
    if (host.life != life) {
        return;
    }
    host.feeding = false;
    feed(host, Tick{});
    if (random_.chance(0.8)) {
        feed(host, UserJoined{keyring_.user(random_.below(users))});
    }
    connect(host);
}

// Not always soon: then others go on from what it says.
void World::connect(Host& host) {
    if (host.starts % 3 == 0) {
        return;
    }
    for (const auto& other : hosts_) {
        if (other.get() != &host && !link(host, *other).cut && !link(*other, host).cut) {
            feed(host, PeerJoined{other->key});
            feed(*other, PeerJoined{host.key});
        }
    }
}

// After the newest ledger it has stored.
NonceRecords World::nonces_of(const Host& host) {
    NonceRecords out;
    LedgerSeq from = 0;
    if (!host.joined.empty()) {
        from = host.joined.rbegin()->first;
        out = host.joined.rbegin()->second;
    }
    for (auto stored = host.ledgers.upper_bound(from); stored != host.ledgers.end(); ++stored) {
        for (const proto::SharedInput& input : stored->second.ledger->inputs) {
            out.accept(input->user, input->nonce, input->hash, input->max_ledger_seq);
        }
        out.expire(stored->first);
    }
    return out;
}

void World::crash(Host& host) {
    if (!host.engine) {
        return;
    }
    say(host, "crash");
    lose_writes(host);
    host.waiting.clear();
    host.early.clear();
    host.feeding = false;
    host.engine = nullptr;
    host.wake_us = 0;
    host.sync_target = {};
    ++host.life;
}

void World::restart_later(const Host& host, std::int64_t down_ms) {
    if (down_ms > 0) {
        at(now_us_ + down_ms * 1000, [this, index = host.index] { boot(*hosts_[index]); });
    }
}

void World::feed(Host& host, Event event) {
    if (!host.engine) {
        return;
    }
    host.waiting.push_back(std::move(event));
    if (host.feeding) {
        return;
    }
    host.feeding = true;
    const std::uint64_t life = host.life;
    for (std::size_t next = 0; next < host.waiting.size(); ++next) {
        const Event current = std::move(host.waiting[next]);
        Effects effects;
        host.engine->step(now_at(host), current, effects);
        fingerprint_ =
            (fingerprint_ ^ effects.size()) * 0x100000001B3 + static_cast<std::uint64_t>(now_us_);
        note_memory(host);
        perform_all(host, effects);
        if (host.life != life) {
            return; // it crashed on the way
        }
    }
    host.waiting.clear();
    host.feeding = false;
    check_bounds(host);
    admit_early(host);
}

void World::perform_all(Host& host, const Effects& effects) {
    const std::uint64_t life = host.life;
    for (const Effect& effect : effects) {
        std::visit([&](const auto& e) { perform(host, e); }, effect);
        if (host.life != life) {
            return;
        }
    }
}

void World::perform(Host& host, const VerifyInput& effect) {
    at_host(now_us_ + 50, host, [this, &host, input = effect.input] {
        feed(host, InputVerified{input, keyring_.is_signed(*input)});
    });
}

void World::perform(Host& host, const TellStatus& effect) {
    if (host.byzantine) {
        return;
    }
    checker_.told(host.index, effect.status);
    const auto known = submitted_at_us_.find(*Hash32::from(effect.status.input_hash));
    if (!effect.status.rejected && known != submitted_at_us_.end()) {
        ++accepted_;
        note_.slowest_us = std::max(note_.slowest_us, now_us_ - known->second);
        submitted_at_us_.erase(known);
    }
}

void World::perform(Host& host, const Broadcast& effect) {
    if (const auto* open = std::get_if<SharedOpen>(&effect.message)) {
        checker_.said(*open);
    }
    if (host.byzantine) {
        if (lie_instead(host, effect.message)) {
            return;
        }
    } else if (const auto* vote = std::get_if<Vote>(&effect.message)) {
        checker_.voted(host.index, *vote);
    }
    broadcast(host, effect.message);
}

void World::perform(Host& host, const SendTo& effect) {
    send(host, member_of(effect.node), encoded(host, effect.message));
}

void World::perform(Host& host, const ServeLedgers& effect) {
    const LedgerSeq end = effect.wanted.seq + effect.wanted.count;
    if (!keeps(host, effect.wanted.seq)) {
        for (Host* asker : members_[member_of(effect.node)]) {
            offer_newest(host, *asker);
        }
        return;
    }
    for (auto stored = host.ledgers.lower_bound(effect.wanted.seq);
         stored != host.ledgers.end() && stored->first < end; ++stored) {
        send(host, member_of(effect.node), encoded(host, stored->second.certified));
    }
}

bool World::keeps(const Host& host, LedgerSeq seq) const {
    const auto kept = static_cast<LedgerSeq>(options_.ledgers_kept);
    return host.ledgers.count(seq) != 0 && (kept == 0 || host.ledgers.rbegin()->first < seq + kept);
}

// What comes of the epoch chain, which nodes' drivers follow (node/catch_up.hpp), and of which they
// only believe what the UNL they trust leads to: so only correct nodes can help.
void World::offer_newest(Host& host, Host& asker) {
    if (host.byzantine || asker.index == host.index) {
        return;
    }
    const std::int64_t both_ways_us = 2 * options_.delay_us_max;
    at_host(now_us_ + both_ways_us, asker, [this, &host, &asker] {
        if (!host.engine || !asker.engine || host.ledgers.empty()) {
            return;
        }
        const LedgerSeq next = asker.engine->lcl().seq + 1;
        if (link(host, asker).cut || link(asker, host).cut || keeps(host, next) ||
            host.ledgers.rbegin()->first < next) {
            return;
        }
        auto newest = std::make_shared<Snapshot>();
        newest->ledger = host.ledgers.rbegin()->second.certified;
        newest->nonces = nonces_of(host);
        say(asker, "goes on from ledger " + std::to_string(host.ledgers.rbegin()->first));
        feed(asker, Rejoin{newest});
    });
}

void World::perform(Host& host, const Decided& effect) {
    const proto::LedgerHeader& header = effect.ledger->header;
    say(host, "decided " + std::to_string(header.seq) + " " + header.hash.short_hex() + " inputs " +
                  std::to_string(effect.ledger->inputs.size()));
    if (!host.byzantine) {
        checker_.delivers(host.index, effect);
        watch_recovery(host);
    } else if (lies(Lie::sign_ahead)) {
        sign_ahead(host, header);
    }
    feed(host, ConfigInForce{configs_.at(header.config_hash)});
}

void World::perform(Host& host, const StatusChanged& effect) {
    host.status = effect.status;
    say(host, "status " + std::string(proto::to_string(effect.status)));
}

void World::perform(Host& host, const Report& effect) {
    say(host, "reports " + effect.what);
    for (const PublicKey& member : effect.members) {
        const std::size_t accused = member_of(member);
        if (!host.byzantine) {
            checker_.accused(host.index, accused,
                             accused < static_cast<std::size_t>(options_.byzantine), effect.what);
        }
    }
}

void World::perform(Host& host, const WakeAt& effect) {
    host.wake_us = effect.mono_us;
    at_host(effect.mono_us, host, [this, &host, at_us = effect.mono_us] {
        if (host.wake_us == at_us) {
            host.wake_us = 0;
            feed(host, Tick{});
        }
    });
}

} // namespace hp::sim
