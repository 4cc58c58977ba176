// SPDX-License-Identifier: Apache-2.0
#include "node/read_requests.hpp"

#include <algorithm>

#include "hp/base/limits.hpp"

namespace hp::node {

ReadRequests::ReadRequests(net::Reactor& reactor, contract::Launcher& launcher,
                           contract::StopSource& stop, state::ReadGate& gate,
                           std::size_t concurrent, Log log, OnPeerChangeset on_peer_changeset)
    : reactor_(reactor), launcher_(launcher), stop_(stop), gate_(gate), log_(std::move(log)),
      on_peer_changeset_(std::move(on_peer_changeset)), concurrent_(concurrent),
      pause_timer_(reactor), workers_(concurrent, "hp-read") {}

Status ReadRequests::start_ahead(const std::filesystem::path& seed) {
    HP_TRY(auto watch, contract::OpenWatch::make());
    warm_.emplace(launcher_, seed, std::min(concurrent_, limits::warm_readers_max),
                  std::move(watch), log_);
    return {};
}

void ReadRequests::view_changes() {
    if (warm_) {
        warm_->pause();
    }
}

void ReadRequests::view_settled() {
    if (warm_) {
        warm_->resume();
    }
}

// True when it is worth while to have a process wait for the next one.
bool ReadRequests::note_request() {
    if (!warm_) {
        return false;
    }
    const TimeMs now = clock_.now().mono_ms();
    const bool frequent =
        last_request_ms_ != 0 && now - last_request_ms_ <= limits::warm_reads_pause_ms;
    last_request_ms_ = now;
    pause_timer_.arm_after(limits::warm_reads_pause_ms * 1000, [this] { warm_->clear(); });
    return frequent;
}

contract::RunResult ReadRequests::run(const contract::RunSpec& spec) {
    const state::ReadGate::Pass pass = gate_.enter();
    if (!pass) { // the view could not be brought up to date; the next commit stops the node
        contract::RunResult result;
        result.end = contract::RunEnd::failed;
        result.notes.emplace_back("the read-only view is out of order");
        return result;
    }
    return contract::run_contract(launcher_, spec, run_handlers(), stop_, log_,
                                  warm_ ? warm_->take(spec) : std::nullopt);
}

contract::RunHandlers ReadRequests::run_handlers() {
    contract::RunHandlers handlers;
    if (on_peer_changeset_) {
        handlers.on_peer_changeset = [this](contract::PeerChangeset changes) {
            reactor_.post([this, changes = std::move(changes)] { on_peer_changeset_(changes); });
        };
    }
    return handlers;
}

bool ReadRequests::submit(contract::RunSpec spec, OnDone on_done) {
    if (workers_.waiting() >= limits::read_queue_max) {
        return false;
    }
    const bool frequent = note_request();
    workers_.submit([this, frequent, spec = std::move(spec), on_done = std::move(on_done)] {
        auto result = std::make_shared<contract::RunResult>(run(spec));
        reactor_.post([result, on_done] { on_done(std::move(*result)); });
        if (frequent) {
            warm_->refill(spec);
        }
    });
    return true;
}

} // namespace hp::node
