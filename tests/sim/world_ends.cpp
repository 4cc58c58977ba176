// SPDX-License-Identifier: Apache-2.0
// What has to come of a simulation: expectations of the scenario, bounds, and life after faults.
#include <algorithm>

#include "consensus/params.hpp"
#include "consensus/validators.hpp"
#include "world.hpp"

namespace hp::sim {

using namespace consensus;

// --- expectations --------------------------------------------------------------------------------

void World::note() {
    note_ = {};
    note_.at_us = now_us_;
    note_.height = checker_.height();
    note_.accepted = accepted_;
    for (const auto& host : hosts_) {
        note_.heights.push_back(host->ledgers.empty() ? 0 : host->ledgers.rbegin()->first);
    }
}

void World::expect(const Action& action) {
    if (note_.heights.empty()) {
        note_.heights.assign(hosts_.size(), 0);
    }
    const std::string found = unmet(action);
    if (!found.empty()) {
        checker_.violate("expected: " + to_text(action) + ", found " + found);
    }
}

// What was found instead; empty when it was found.
std::string World::unmet(const Action& action) {
    switch (action.verb) {
    case Verb::expect_ledgers:
        return unmet_ledgers(action);
    case Verb::expect_attempts:
        for (LedgerSeq seq = note_.height + 1; seq <= checker_.height(); ++seq) {
            if (checker_.attempts(seq) > static_cast<Attempt>(action.number)) {
                return std::to_string(checker_.attempts(seq)) + " for ledger " +
                       std::to_string(seq);
            }
        }
        return "";
    case Verb::expect_latency:
        return note_.slowest_us <= action.number * 1000
                   ? ""
                   : std::to_string(note_.slowest_us / 1000) + " ms";
    case Verb::expect_accepted:
        return accepted_ - note_.accepted >= static_cast<std::size_t>(action.number)
                   ? ""
                   : std::to_string(accepted_ - note_.accepted);
    case Verb::expect_results:
        return unmet_results(action);
    case Verb::expect_status:
        for (const std::size_t member : action.from) {
            for (const Host* host : members_[member]) {
                if (!host->byzantine && proto::to_string(host->status) != action.word) {
                    return host->name + " " + std::string(proto::to_string(host->status));
                }
            }
        }
        return "";
    case Verb::expect_accused:
        for (const std::size_t member : action.from) {
            if (checker_.accused().count(member) == 0) {
                return std::to_string(member) + " never accused";
            }
        }
        return "";
    default:
        return "something that cannot be expected";
    }
}

std::string World::unmet_ledgers(const Action& action) const {
    for (const std::size_t member : action.from) {
        for (const Host* host : members_[member]) {
            const LedgerSeq height = host->ledgers.empty() ? 0 : host->ledgers.rbegin()->first;
            const auto count = static_cast<std::int64_t>(height - note_.heights[host->index]);
            if (!host->byzantine && (count < action.number || count > action.number_max)) {
                return std::to_string(count) + " on " + host->name;
            }
        }
    }
    return "";
}

std::string World::unmet_results(const Action& action) const {
    const ResultMode mode = action.word == "certified"   ? ResultMode::certified
                            : action.word == "plurality" ? ResultMode::plurality
                                                         : ResultMode::void_run;
    std::int64_t count = 0;
    for (LedgerSeq seq = note_.height + 1; seq <= checker_.height(); ++seq) {
        count += checker_.mode(seq) == mode ? 1 : 0;
    }
    return count >= action.number && count <= action.number_max ? "" : std::to_string(count);
}

// --- bounds --------------------------------------------------------------------------------------

// I9: what an engine keeps is bounded by the size of the cluster, whatever liars send.
void World::check_bounds(const Host& host) {
    if (!host.byzantine && host.engine) {
        checker_.holds(host.index, host.engine->kept(), 100 + 60 * keys_.size());
    }
}

// --- life after faults ---------------------------------------------------------------------------

void World::watch_recovery(const Host& host) {
    if (!calm_ || recovered_[host.index] || host.engine->lcl().seq <= height_at_calm_ + 1) {
        return;
    }
    recovered_[host.index] = true;
    recovery_us_ = std::max(recovery_us_, now_us_ - start_us - options_.fault_ms * 1000);
}

bool World::is_voter(const Host& host) const {
    return configs_.at(checker_.header(checker_.height()).config_hash).unl.count(host.key) != 0;
}

// I8: a new ledger everywhere within ten roundtimes, and what takes its time on the way: among it
// attempts that are led by members who may have forgotten votes and therefore propose nothing.
std::int64_t World::recovery_max_us() const {
    const std::int64_t idle_attempts =
        options_.nodes - options_.byzantine - static_cast<std::int64_t>(remembering_at_calm_);
    const std::int64_t roundtimes_max =
        10 + idle_attempts * consensus::params::attempt_roundtimes_max;
    const std::int64_t late_us = options_.late_percent > 0 ? options_.roundtime_ms * 3000 : 0;
    return roundtimes_max * options_.roundtime_ms * 1000 + late_us + options_.run_ms_max * 1000;
}

// I8, and the half of I10 that only shows at the end.
void World::check_liveness() {
    std::vector<Checker::NodeEnd> ends;
    for (const auto& host : hosts_) {
        ends.push_back({host->engine ? host->life : 0, host->engine ? host->engine->lcl().seq : 0});
    }
    checker_.finish(ends);
    const std::int64_t correct = options_.nodes - options_.byzantine;
    if (static_cast<std::size_t>(correct) <
        consensus::quorum(static_cast<std::size_t>(options_.nodes),
                          static_cast<unsigned>(options_.threshold))) {
        return; // and no change of the configuration made it better
    }
    if (remembering_at_calm_ < quorum(static_cast<std::size_t>(options_.nodes),
                                      static_cast<unsigned>(options_.threshold))) {
        return; // those who may have forgotten votes wait for a ledger of the others
    }
    if (recovery_us_ > recovery_max_us()) {
        checker_.violate("I8: it took " + std::to_string(recovery_us_ / 1000) + " ms to recover");
    }
    for (const auto& host : hosts_) {
        if (host->byzantine) {
            continue;
        }
        const LedgerSeq height = host->engine ? host->engine->lcl().seq : 0;
        if (host->engine && host->engine->may_have_forgotten() && is_voter(*host)) {
            checker_.violate("I8: node " + host->name + ": does not vote again");
        }
        if (!recovered_[host->index] || height < height_near_end_) {
            checker_.violate("I8: node " + host->name + ": after all faults have stopped at " +
                             std::to_string(height) + " of " + std::to_string(checker_.height()) +
                             ", then at " + std::to_string(height_at_calm_));
        }
    }
}

} // namespace hp::sim
