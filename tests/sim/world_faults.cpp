// SPDX-License-Identifier: Apache-2.0
// Load, faults, and what has to hold once the faults are over.
#include <algorithm>

#include "hp/crypto/blake3.hpp"
#include "hp/proto/user_codec.hpp"
#include "world.hpp"

namespace hp::sim {

using namespace consensus;

void World::submit() {
    const double mean_us = 1e6 / options_.inputs_per_second;
    at(now_us_ + random_.between(1, static_cast<std::int64_t>(2 * mean_us)), [this] { submit(); });
    Host& host = *hosts_[random_.below(hosts_.size())];
    if (!host.engine || host.byzantine) {
        return;
    }
    const std::size_t user = random_.below(users);
    // Now and then a nonce is used twice, or out of order.
    const std::uint64_t nonce = random_.chance(0.1) && nonces_[user] > 0
                                    ? nonces_[user]
                                    : nonces_[user] + random_.below(3) + 1;
    nonces_[user] = std::max(nonces_[user], nonce);
    const LedgerSeq max_seq = host.engine->lcl().seq + 1 + random_.below(10);
    const Bytes container = proto::encode_container(
        proto::Encoding::json, {to_bytes("input " + std::to_string(order_)), nonce, max_seq});
    Signature signature;
    const PublicKey key = user_key(user);
    const Hash32 hash = crypto::b3({key.view(), container});
    std::copy(hash.data.begin(), hash.data.end(), signature.data.begin());
    const auto input = proto::make_signed_input(key, proto::Encoding::json, container, signature);
    if (!input) {
        checker_.violate("the simulation made a malformed input");
        return;
    }
    checker_.submitted((*input)->hash);
    feed(host, InputIn{*input});
}

void World::schedule_crashes(Host& host) {
    const double mean_us = 60e6 / options_.crashes_per_minute;
    at(now_us_ + random_.between(1, static_cast<std::int64_t>(2 * mean_us)), [this, &host] {
        if (calm_) {
            return;
        }
        const bool all = options_.crash_all && random_.chance(0.2);
        for (auto& other : hosts_) {
            if (all || other.get() == &host) {
                crash(*other);
                at(now_us_ + random_.between(1'000, 5'000'000),
                   [this, raw = other.get()] { boot(*raw); });
            }
        }
        schedule_crashes(host);
    });
}

void World::schedule_faults() {
    if (options_.crashes_per_minute > 0) {
        for (auto& host : hosts_) {
            schedule_crashes(*host);
        }
    }
    for (std::int64_t ms = 0; ms < options_.fault_ms;
         ms += random_.between(500, 5 * options_.roundtime_ms)) {
        at(start_us + ms * 1000, [this] { repartition(); });
    }
    at(start_us + options_.fault_ms * 1000, [this] { heal(); });
}

// From here on correct nodes are up and connected, and liars are silent.
void World::heal() {
    calm_ = true;
    repartition();
    for (auto& host : hosts_) {
        if (host->byzantine) {
            crash(*host);
            continue;
        }
        host->hears.assign(keys_.size(), true);
        boot(*host);
    }
    // What is still under way may arrive late; count from a little later.
    at(now_us_ + options_.calm_ms * 500, [this] {
        for (auto& host : hosts_) {
            heights_at_calm_.push_back(host->engine ? host->engine->lcl().seq : 0);
        }
    });
}

// I8.
void World::check_liveness() {
    const std::size_t correct = options_.nodes - options_.byzantine;
    if (correct < consensus::quorum(options_.nodes, options_.threshold)) {
        return; // and no change of the configuration made it better
    }
    for (const auto& host : hosts_) {
        if (host->byzantine) {
            continue;
        }
        const std::string where = "node " + std::to_string(host->index) + ": ";
        const LedgerSeq height = host->engine->lcl().seq;
        if (height < heights_at_calm_[host->index] + 2) {
            checker_.violate(where + "I8: no ledgers after all faults have stopped, at " +
                             std::to_string(height));
        }
        if (height + 2 < checker_.height()) {
            checker_.violate(where + "I8: does not catch up, at " + std::to_string(height) +
                             " of " + std::to_string(checker_.height()));
        }
    }
}

} // namespace hp::sim
