// SPDX-License-Identifier: Apache-2.0
#include "node/warm_readers.hpp"

#include "state/live_mark.hpp"

namespace hp::node {

using contract::NotUsable;

WarmReaders::WarmReaders(contract::Launcher& launcher, std::filesystem::path seed,
                         std::size_t count_max, std::unique_ptr<contract::OpenWatch> watch, Log log)
    : launcher_(launcher), seed_(std::move(seed)), count_max_(count_max), watch_(std::move(watch)),
      log_(std::move(log)) {}

std::optional<contract::StartedContract> WarmReaders::take(const contract::RunSpec& spec) {
    // Each that cannot be used ends here: its channels close.
    while (auto waiting = pop()) {
        auto why = waiting->process.why_not(spec);
        if (!why && state::mark_private_files(seed_) != waiting->private_files) {
            continue;
        }
        if (!why) {
            auto contract = std::move(waiting->process).deliver(spec);
            if (contract) {
                return std::move(*contract);
            }
            why = contract.error();
        }
        if (*why == NotUsable::ended || *why == NotUsable::acted ||
            *why == NotUsable::holds_inputs) {
            const contract::SpawnRequest command = waiting->process.command();
            bar(command, waiting->process.end().value_or(std::string(to_string(*why))));
        }
    }
    return std::nullopt;
}

std::optional<WarmReaders::Waiting> WarmReaders::pop() {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
        return std::nullopt;
    }
    Waiting oldest = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    return oldest;
}

void WarmReaders::bar(const contract::SpawnRequest& command, std::string_view why) {
    const std::lock_guard lock(mutex_);
    if (!barred_ || *barred_ != command) {
        barred_ = command;
        log_.warning("the contract is not started ahead of read requests any more", {{"why", why}});
    }
}

void WarmReaders::refill(const contract::RunSpec& spec) {
    std::uint64_t pauses = 0;
    {
        const std::lock_guard lock(mutex_);
        frequent_ = spec;
        for (contract::RunUser& user : frequent_->users) {
            user.inputs.clear();
        }
        if (paused_ || waiting_.size() >= count_max_ ||
            (barred_ && *barred_ == contract::make_request(spec))) {
            return;
        }
        pauses = pauses_;
    }
    const auto private_files = state::mark_private_files(seed_);
    if (!private_files) {
        return;
    }
    auto started = contract::WaitingContract::start(launcher_, *watch_, spec, spec.users.size());
    if (!started) {
        return; // the request itself will tell, if it is no better then
    }
    const std::lock_guard lock(mutex_);
    if (!paused_ && pauses == pauses_ && waiting_.size() < count_max_) {
        waiting_.push_back({std::move(*started), *private_files});
    }
}

void WarmReaders::pause() {
    const std::lock_guard lock(mutex_);
    paused_ = true;
    ++pauses_;
    waiting_.clear();
}

void WarmReaders::resume() {
    std::optional<contract::RunSpec> spec;
    {
        const std::lock_guard lock(mutex_);
        paused_ = false;
        spec = frequent_;
    }
    if (spec) {
        refill(*spec);
    }
}

void WarmReaders::clear() {
    const std::lock_guard lock(mutex_);
    frequent_.reset();
    waiting_.clear();
}

} // namespace hp::node
