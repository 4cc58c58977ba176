// SPDX-License-Identifier: Apache-2.0
#include "node/read_requests.hpp"

#include "hp/base/limits.hpp"

namespace hp::node {

ReadRequests::ReadRequests(net::Reactor& reactor, contract::Launcher& launcher,
                           contract::StopSource& stop, state::ReadGate& gate,
                           std::size_t concurrent, Log log, OnPeerChangeset on_peer_changeset)
    : reactor_(reactor), launcher_(launcher), stop_(stop), gate_(gate), log_(std::move(log)),
      on_peer_changeset_(std::move(on_peer_changeset)), workers_(concurrent, "hp-read") {}

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
    workers_.submit([this, spec = std::move(spec), on_done = std::move(on_done)]() mutable {
        auto result = std::make_shared<contract::RunResult>();
        {
            const state::ReadGate::Pass pass = gate_.enter();
            if (pass) {
                *result = contract::run_contract(launcher_, spec, run_handlers(), stop_, log_);
            } else { // the view could not be brought up to date; the next commit stops the node
                result->end = contract::RunEnd::failed;
                result->notes.emplace_back("the read-only view is out of order");
            }
        }
        reactor_.post([result, on_done = std::move(on_done)] { on_done(std::move(*result)); });
    });
    return true;
}

} // namespace hp::node
