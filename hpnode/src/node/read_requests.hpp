// SPDX-License-Identifier: Apache-2.0
// Read requests: contract runs on the frozen read-only view, outside consensus, several at a time
// and beside the consensus run (user-protocol.md section 10). Each request ends in its outputs or
// in a logged reason. submit() and the callback are on the reactor thread.
#pragma once

#include <functional>

#include "contract/runner.hpp"
#include "hp/base/log.hpp"
#include "hp/net/reactor.hpp"
#include "hp/net/worker_pool.hpp"
#include "node/warm_readers.hpp"
#include "state/store.hpp"

namespace hp::node {

class ReadRequests {
public:
    using OnDone = std::function<void(contract::RunResult)>;
    using OnPeerChangeset = std::function<void(contract::PeerChangeset)>;

    // All references must outlive this object. `concurrent` > 0. `on_peer_changeset` is on the
    // reactor thread: a read request may change the list of peers too (contract-protocol.md 6.5).
    ReadRequests(net::Reactor& reactor, contract::Launcher& launcher, contract::StopSource& stop,
                 state::ReadGate& gate, std::size_t concurrent, Log log,
                 OnPeerChangeset on_peer_changeset = {});

    // contract.warm_start: from now on processes wait for requests while these are frequent.
    // `seed` is the directory with the private files.
    Status start_ahead(const std::filesystem::path& seed);
    // What readers see is about to change, or will stay as it is until the next call. Any thread.
    void view_changes();
    void view_settled();

    // False when the queue is full.
    bool submit(contract::RunSpec spec, OnDone on_done);

private:
    contract::RunHandlers run_handlers();
    contract::RunResult run(const contract::RunSpec& spec);
    bool note_request();

    net::Reactor& reactor_;
    contract::Launcher& launcher_;
    contract::StopSource& stop_;
    state::ReadGate& gate_;
    Log log_;
    OnPeerChangeset on_peer_changeset_;
    std::size_t concurrent_;
    std::optional<WarmReaders> warm_; // with contract.warm_start
    net::Timer pause_timer_;
    SystemClock clock_;
    TimeMs last_request_ms_ = 0; // monotonic, 0: none yet
    net::WorkerPool workers_;
};

} // namespace hp::node
