// SPDX-License-Identifier: Apache-2.0
#include "node/warm_runs.hpp"

#include "hp/base/limits.hpp"
#include "state/live_mark.hpp"

namespace hp::node {
namespace {

constexpr const char* touched_early = "it has touched the state before it was given anything to do";

} // namespace

WarmRuns::WarmRuns(contract::Launcher& launcher, state::Store& store,
                   std::unique_ptr<contract::OpenWatch> watch, Log log)
    : launcher_(launcher), store_(store), seed_(store.live_state_dir().parent_path()),
      watch_(std::move(watch)), log_(std::move(log)) {}

Result<std::optional<contract::StartedContract>> WarmRuns::take(const contract::RunSpec& spec) {
    using Taken = std::optional<contract::StartedContract>;
    if (!waiting_) {
        return Taken();
    }
    auto refusal = examine(spec);
    if (!refusal) {
        auto contract = std::move(*waiting_).deliver(spec);
        if (contract) {
            waiting_.reset();
            return Taken(std::move(*contract));
        }
        refusal = Refusal{std::string(to_string(contract.error())), true};
    }
    HP_TRY_STATUS(end(std::move(*refusal)));
    return Taken();
}

std::optional<WarmRuns::Refusal> WarmRuns::examine(const contract::RunSpec& spec) {
    if (const auto why = waiting_->why_not(spec)) {
        const bool own_fault =
            *why == contract::NotUsable::ended || *why == contract::NotUsable::acted;
        return Refusal{std::string(to_string(*why)), own_fault};
    }
    if (auto refusal = compare_private_files()) {
        return refusal;
    }
    if (state_touched()) {
        return Refusal{touched_early, true};
    }
    return std::nullopt;
}

// Somebody else may have changed them; only when it happens again and again it must be the process.
std::optional<WarmRuns::Refusal> WarmRuns::compare_private_files() {
    if (state::mark_private_files(seed_) == private_mark_) {
        private_changes_ = 0;
        return std::nullopt;
    }
    ++private_changes_;
    return Refusal{"private files beside the state have changed",
                   private_changes_ >= limits::warm_private_changes_max};
}

bool WarmRuns::state_touched() const {
    return state::mark_state(seed_, limits::warm_state_entries_max) != state_mark_;
}

Status WarmRuns::end(Refusal refusal) {
    const contract::SpawnRequest command = waiting_->command();
    if (const auto not_started = waiting_->end()) {
        refusal.why = *not_started;
    }
    waiting_.reset();
    // Only now it cannot do more.
    if (state_touched()) {
        HP_TRY_STATUS(store_.discard());
        refusal = {touched_early, true};
    }
    if (refusal.own_fault) {
        barred_ = command;
        log_.warning("the contract is not started ahead of its runs any more",
                     {{"why", refusal.why}});
    } else {
        log_.debug("a contract that was started ahead is not used", {{"why", refusal.why}});
    }
    return {};
}

void WarmRuns::prepare(const contract::RunSpec& spec) {
    if (waiting_ || (barred_ && *barred_ == contract::make_request(spec)) ||
        spec.users.size() > limits::warm_users_max) {
        return;
    }
    const auto state_mark = state::mark_state(seed_, limits::warm_state_entries_max);
    const auto private_mark = state::mark_private_files(seed_);
    if (!state_mark || !private_mark) {
        return;
    }
    auto started = contract::WaitingContract::start(launcher_, *watch_, spec, spec.users.size());
    if (!started) {
        log_.warning("cannot start the contract ahead of its run",
                     {{"why", started.err().context}});
        return;
    }
    waiting_.emplace(std::move(*started));
    state_mark_ = *state_mark;
    private_mark_ = *private_mark;
}

} // namespace hp::node
