// SPDX-License-Identifier: Apache-2.0
#include "world.hpp"

namespace hp::sim {

using namespace consensus;

World::World(const Scenario& scenario, const Sabotage& sabotage, Trace* trace)
    : options_(scenario.options), sabotage_(sabotage), keyring_(options_.real_signatures),
      actions_(scenario.actions),
      random_(static_cast<std::uint64_t>(options_.seed) * 0x9E3779B97F4A7C15 + 1), trace_(trace),
      now_us_(start_us), nonces_(users, 0), checker_(configs_, keyring_) {
    Params params;
    params.roundtime_ms = options_.roundtime_ms;
    params.eager = options_.eager;
    params.threshold_percent = static_cast<unsigned>(options_.threshold);
    params.max_input_ledger_offset = static_cast<std::uint16_t>(options_.offset_max);
    params.user_input_bytes = static_cast<std::uint64_t>(options_.user_input_bytes);
    const std::int64_t everybody = options_.nodes + options_.observers;
    for (std::int64_t i = 0; i < everybody; ++i) {
        const auto member = static_cast<std::size_t>(i);
        keys_.push_back(keyring_.node(member));
        members_.emplace_back();
        if (i < options_.nodes) {
            params.unl.insert(keys_.back());
        }
        const bool byzantine = i < options_.byzantine;
        for (int twin = 0; twin < (byzantine ? 2 : 1); ++twin) {
            const std::string name = std::to_string(i) + (!byzantine ? "" : twin == 0 ? "a" : "b");
            hosts_.push_back(std::make_unique<Host>(hosts_.size(), member, keys_.back(),
                                                    keyring_.signer(keys_.back()), name, byzantine,
                                                    Random(random_.next())));
            members_.back().push_back(hosts_.back().get());
        }
    }
    configs_[{}] = params;
    checker_.name_nodes(node_names());
    for (std::size_t i = 0; i < hosts_.size() * hosts_.size(); ++i) {
        links_.push_back({Random(random_.next()), false, false, 0, {}});
    }
    recovered_.assign(hosts_.size(), false);
    for (auto& host : hosts_) {
        host->clock_offset_ms =
            random_.between(-options_.clock_offset_ms, options_.clock_offset_ms);
        at(now_us_ + random_.between(0, options_.roundtime_ms * 1000),
           [this, raw = host.get()] { boot(*raw); });
    }
    for (const Action& action : actions_) {
        at(start_us + action.at_ms * 1000, [this, &action] { act(action); });
    }
    at(start_us + options_.fault_ms * 1000, [this] { heal(); });
    const std::int64_t near_end_ms =
        options_.fault_ms + options_.calm_ms - 3 * options_.roundtime_ms;
    at(start_us + near_end_ms * 1000, [this] { height_near_end_ = checker_.height(); });
    if (options_.inputs_per_minute > 0) {
        at(now_us_, [this] { submit_often(); });
    }
}

World::~World() = default;

std::vector<std::string> World::node_names() const {
    std::vector<std::string> out;
    for (const auto& host : hosts_) {
        out.push_back(host->name);
    }
    return out;
}

void World::put(std::int64_t at_us, std::size_t host, std::uint64_t life,
                std::function<void()> run) {
    std::size_t slot = slots_.size();
    if (free_slots_.empty()) {
        slots_.emplace_back();
    } else {
        slot = free_slots_.back();
        free_slots_.pop_back();
    }
    slots_[slot] = {host, life, std::move(run)};
    queue_.push({at_us, order_++, slot});
}

void World::say(const Host& host, const std::string& what) {
    if (trace_ != nullptr) {
        trace_->event(now_us_ - start_us, host.name, what);
    }
}

void World::run() {
    const std::int64_t end_us = start_us + (options_.fault_ms + options_.calm_ms) * 1000;
    while (!queue_.empty() && checker_.ok() && queue_.top().at_us <= end_us) {
        const Delivery next = queue_.top();
        queue_.pop();
        now_us_ = std::max(now_us_, next.at_us);
        const Slot slot = std::move(slots_[next.slot]);
        free_slots_.push_back(next.slot);
        if (slot.life == 0 || slot.life == hosts_[slot.host]->life) {
            ++steps_;
            slot.run();
        }
    }
    if (checker_.ok()) {
        check_liveness();
    }
}

} // namespace hp::sim
