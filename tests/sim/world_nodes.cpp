// SPDX-License-Identifier: Apache-2.0
// Nodes start, crash, and perform what their engines ask for.
#include <algorithm>

#include "world.hpp"

namespace hp::sim {

using namespace consensus;

Instant World::now_at(const Host& host) const {
    const std::int64_t since_us = now_us_ - start_us;
    return {now_us_, start_wall_ms + since_us / 1000 + host.clock_offset_ms};
}

std::size_t World::member_of(const PublicKey& key) const {
    return static_cast<std::size_t>(std::find(keys_.begin(), keys_.end(), key) - keys_.begin());
}

void World::boot(Host& host) {
    if (host.engine) {
        return;
    }
    Start start;
    LedgerSeq head = 0;
    for (const auto& [seq, stored] : host.ledgers) {
        head = seq;
        for (const proto::SharedInput& input : stored.ledger->inputs) {
            start.nonces.accept(input->user, input->nonce, input->hash, input->max_ledger_seq);
        }
        start.nonces.expire(seq);
    }
    if (head > 0) {
        start.head = host.ledgers.at(head).ledger;
        start.certified = host.ledgers.at(head).certified;
    }
    if (!host.state) {
        host.state = std::make_shared<proto::ExecutionResult>(); // genesis
    }
    start.result = host.state;
    start.log = host.log;
    Identity identity{keys_[host.member], true, {}, {}, ++host.starts, false};
    identity.nonce_secret.data[0] = static_cast<std::uint8_t>(host.index);
    say(host, "boot at ledger " + std::to_string(head));
    Effects effects;
    const Hash32 config = start.head ? start.head->header.config_hash : Hash32{};
    host.engine = std::make_unique<Engine>(configs_.at(config), identity, host.signer,
                                           std::move(start), now_at(host), effects);
    host.feeding = true;
    for (const Effect& effect : effects) {
        std::visit([&](const auto& e) { perform(host, e); }, effect);
    }
    host.feeding = false;
    feed(host, Tick{});
}

// Writes reach the disk in order, so that what is there after a crash is a beginning of them.
void World::crash(Host& host) {
    if (!host.engine) {
        return;
    }
    say(host, "crash");
    const std::size_t survive = random_.below(host.writes.size() + 1);
    for (std::size_t i = 0; i < survive; ++i) {
        host.writes[i].durable();
    }
    host.writes.clear();
    host.waiting.clear();
    host.engine = nullptr;
    host.wake_us = 0;
    host.disk_free_us = 0;
    ++host.life;
}

void World::feed(Host& host, const Event& event) {
    if (!host.engine) {
        return;
    }
    host.waiting.push_back(event);
    if (host.feeding) {
        return;
    }
    host.feeding = true;
    for (std::size_t next = 0; next < host.waiting.size(); ++next) {
        const Event current = std::move(host.waiting[next]);
        Effects effects;
        host.engine->step(now_at(host), current, effects);
        fingerprint_ =
            (fingerprint_ ^ effects.size()) * 0x100000001B3 + static_cast<std::uint64_t>(now_us_);
        for (const Effect& effect : effects) {
            std::visit([&](const auto& e) { perform(host, e); }, effect);
        }
    }
    host.waiting.clear();
    host.feeding = false;
}

void World::perform(Host& host, const VerifyInput& effect) {
    at_host(now_us_ + 50, host, [this, &host, input = effect.input] {
        feed(host, InputVerified{input, true});
    });
}

void World::perform(Host& host, const TellStatus& effect) {
    if (!host.byzantine) {
        checker_.told(host.index, *Hash32::from(effect.status.input_hash), effect.status);
    }
}

void World::perform(Host& host, const Broadcast& effect) {
    if (const auto* vote = std::get_if<Vote>(&effect.message); vote && !host.byzantine) {
        checker_.voted(host.index, *vote);
    }
    for (std::size_t to = 0; to < keys_.size(); ++to) {
        send(host, to, effect.message);
    }
}

void World::perform(Host& host, const SendTo& effect) {
    send(host, member_of(effect.node), effect.message);
}

void World::perform(Host& host, const ServeLedger& effect) {
    const auto stored = host.ledgers.find(effect.seq);
    if (stored != host.ledgers.end()) {
        send(host, member_of(effect.node), stored->second.certified);
    }
}

void World::perform(Host& host, const Decided& effect) {
    say(host, "decided " + std::to_string(effect.ledger->header.seq) + " " +
                  effect.ledger->header.hash.short_hex() + " inputs " +
                  std::to_string(effect.ledger->inputs.size()));
    feed(host, ConfigInForce{configs_.at(effect.ledger->header.config_hash)});
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
            checker_.accused(host.index, accused, accused < options_.byzantine, effect.what);
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
