// SPDX-License-Identifier: Apache-2.0
// The toy contract: its state is a hash over everything it was ever given, it echoes inputs, and
// now and then it rewrites the configuration.
#include "hp/crypto/blake3.hpp"
#include "world.hpp"

namespace hp::sim {

using namespace consensus;

void World::perform(Host& host, const Execute& effect) {
    if (!host.byzantine) {
        checker_.executes(host.index, *effect.ledger, host.state->state_hash);
    }
    host.sync_target = {}; // what came first is as good as what was asked for last
    const std::int64_t time_us = host.random.between(1000, options_.run_ms_max * 1000 + 1000);
    at_host(now_us_ + time_us, host, [this, &host, ledger = effect.ledger] {
        host.state = execute(host, *ledger);
        feed(host, ResultReady{host.state});
    });
}

proto::SharedResult World::execute(Host& host, const proto::LedgerRecord& ledger) {
    auto result = std::make_shared<proto::ExecutionResult>();
    result->seq = ledger.header.seq;
    result->state_hash = crypto::b3({host.state->state_hash.view(), ledger.header.hash.view()});
    const bool differs = !calm_ && (host.random.between(1, 100) <= options_.differs_percent ||
                                    host.random.between(1, 100) <= host.differs_percent);
    if (differs) {
        const std::string chance = std::to_string(host.random.next());
        result->state_hash = crypto::b3({result->state_hash.view(), as_bytes(chance)});
    }
    result->config_hash = change_config(ledger.header);
    for (const proto::SharedInput& input : ledger.inputs) {
        if (result->outputs.empty() || result->outputs.back().user != input->user) {
            result->outputs.push_back({input->user, input->hash, {*input->payload}});
        }
    }
    result->output_root = proto::output_root(result->outputs, result->state_hash);
    result->root_signature = host.signer->sign(result->output_root.view());
    return result;
}

// What the contract makes of the configuration in this run, the same on every node.
Hash32 World::change_config(const proto::LedgerHeader& header) {
    const auto [known, first] = config_after_.try_emplace(header.hash, header.config_hash);
    if (!first) {
        return known->second;
    }
    Params params = configs_.at(header.config_hash);
    const Hash32 dice = crypto::b3({header.hash.view(), as_bytes(std::string_view("config"))});
    bool changed = draw_change(dice, params);
    for (const Action& change : patch_) {
        changed = true;
        for (const std::size_t member : change.from) {
            if (change.verb == Verb::unl_add) {
                params.unl.insert(keys_[member]);
            } else {
                params.unl.erase(keys_[member]);
            }
        }
        if (change.verb == Verb::threshold) {
            params.threshold_percent = static_cast<unsigned>(change.number);
        } else if (change.verb == Verb::roundtime) {
            params.roundtime_ms = change.number;
        }
    }
    patch_.clear();
    if (!changed || !is_tolerable(params)) {
        return header.config_hash;
    }
    const Hash32 config = crypto::b3({header.config_hash.view(), dice.view()});
    configs_[config] = params;
    known->second = config;
    return config;
}

bool World::draw_change(const Hash32& dice, Params& params) const {
    if (calm_ || dice.data[0] * 100 >= options_.unl_changes_percent * 256) {
        return false;
    }
    const PublicKey& key = keys_[dice.data[1] % keys_.size()];
    if (dice.data[2] % 4 == 0) {
        params.threshold_percent = 51 + dice.data[3] % 50;
    } else if (params.unl.erase(key) == 0) {
        params.unl.insert(key);
    }
    return true;
}

// As many liars as the protocol is made for, and enough correct members to go on.
bool World::is_tolerable(const Params& params) const {
    const std::size_t members = params.unl.size();
    const std::size_t quorum = consensus::quorum(members, params.threshold_percent);
    const auto liars_in = [this](const Params& some) {
        std::size_t liars = 0;
        for (std::int64_t i = 0; i < options_.byzantine; ++i) {
            liars += some.unl.count(keys_[static_cast<std::size_t>(i)]);
        }
        return liars;
    };
    const std::size_t liars = liars_in(params);
    const Params& first = configs_.at({});
    const std::size_t first_quorum = consensus::quorum(first.unl.size(), first.threshold_percent);
    const bool lively = first.unl.size() - liars_in(first) >= first_quorum;
    return members >= 1 && liars + members < 2 * quorum && liars < members &&
           (!lively || members - liars >= quorum);
}

void World::perform(Host& host, const SyncState& effect) {
    say(host, "sync to the state after " + std::to_string(effect.target.ledger.seq));
    sync_state(host, effect.target);
}

// Whoever has it gives it; a node always still has the state a void run goes back to. A state takes
// its time, and what is on its way when a newer one is asked for may well come first.
void World::sync_state(Host& host, const ResultClaim& target) {
    host.sync_target = target;
    const bool is_slow = !calm_ && host.random.chance(0.2);
    const std::int64_t slow_us = is_slow ? 5000 * options_.roundtime_ms : 100'000;
    const bool is_finished = host.random.chance(0.5); // also in vain
    at_host(now_us_ + host.random.between(5'000, slow_us), host,
            [this, &host, target, is_finished] {
                const bool is_newest = host.sync_target == target;
                const bool is_asked_for = host.sync_target != ResultClaim{};
                if (!is_newest && !(is_finished && is_asked_for)) {
                    return;
                }
                if (is_newest) {
                    host.sync_target = {};
                }
                auto state = std::make_shared<proto::ExecutionResult>();
                state->seq = target.ledger.seq;
                state->state_hash = target.state_hash;
                state->config_hash = target.config_hash;
                state->output_root = target.output_root;
                state->root_signature = host.signer->sign(state->output_root.view());
                host.state = state;
                feed(host, ResultReady{host.state});
            });
}

} // namespace hp::sim
