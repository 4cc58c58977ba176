// SPDX-License-Identifier: Apache-2.0
#include "world.hpp"

namespace hp::sim {

using namespace consensus;

World::World(const Options& options, Trace trace)
    : options_(options), random_(options.seed * 0x9E3779B97F4A7C15 + 1), trace_(std::move(trace)),
      now_us_(start_us), nonces_(users, 0), checker_(configs_) {
    Params params;
    params.roundtime_ms = options.roundtime_ms;
    params.eager = options.eager;
    params.threshold_percent = options.threshold;
    for (std::size_t i = 0; i < options.nodes; ++i) {
        keys_.push_back(node_key(i));
        params.unl.insert(keys_.back());
    }
    configs_[{}] = params;
    cut_.assign(options.nodes, std::vector<bool>(options.nodes, false));
    for (std::size_t i = 0; i < options.nodes; ++i) {
        const bool byzantine = i < options.byzantine;
        for (std::size_t twin = 0; twin < (byzantine ? 2 : 1); ++twin) {
            hosts_.push_back(std::make_unique<Host>(hosts_.size(), i, keys_[i], byzantine));
            Host& host = *hosts_.back();
            host.clock_offset_ms =
                random_.between(-options.clock_offset_ms, options.clock_offset_ms);
            host.hears.assign(options.nodes, true);
        }
    }
    for (auto& host : hosts_) {
        at(now_us_ + random_.between(0, options.roundtime_ms * 1000),
           [this, raw = host.get()] { boot(*raw); });
    }
    schedule_faults();
    if (options.inputs_per_second > 0) {
        at(now_us_, [this] { submit(); });
    }
}

World::~World() = default;

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
    if (trace_) {
        trace_(now_us_ - start_us, host.index, what);
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
    checker_.finish();
    if (checker_.ok()) {
        check_liveness();
    }
}

} // namespace hp::sim
