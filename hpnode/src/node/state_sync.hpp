// SPDX-License-Identifier: Apache-2.0
// Fetching the agreed state from peers for the executor, in the place of a run (consensus.md
// 6.4.10): on the executor's thread, which owns the store. The reactor brings peers, answers and
// time; requests go back through it.
#pragma once

#include <functional>
#include <optional>
#include <set>

#include "hp/base/log.hpp"
#include "state/store.hpp"
#include "state/sync/client.hpp"

namespace hp::node {

class StateSync {
public:
    struct Target {
        LedgerSeq seq = 0; // the state after this ledger
        state::Roots roots;
        Hash32 output_root; // of the ledger's execution
    };
    struct Callbacks { // executor's thread
        std::function<void(const PublicKey& peer, Bytes request)> send;
        std::function<void(const PublicKey& peer, const std::string& reason)> penalise;
        std::function<void(const std::string& progress)> report; // for people, about every second
    };
    // Both references must outlive it.
    StateSync(state::Store& store, Callbacks callbacks, Log log)
        : store_(store), callbacks_(std::move(callbacks)), log_(std::move(log)) {}

    // In place of earlier targets. What is being fetched just now comes first all the same, as long
    // as peers have it: ledgers may close faster than peers answer. `peers`: whom to ask first.
    // After a state has come nothing begins before go_on().
    Status begin(const Target& target, const std::vector<PublicKey>& peers, TimeMs now);
    Status on_peer_up(const PublicKey& peer, TimeMs now);
    Status on_peer_down(const PublicKey& peer, TimeMs now);
    Status on_answer(const PublicKey& peer, ByteView answer, TimeMs now);
    // At least every second. True once, when the state is here: the store has taken it over.
    Result<bool> on_tick(TimeMs now);
    // What came is not enough: the newest that was asked for is fetched, if there is a newer one.
    // What is here makes the difference small.
    Status go_on(TimeMs now);
    // Nothing is fetched any more. Staging keeps what it has.
    void stop();

    bool is_active() const { return client_.has_value(); }
    const Target& target() const { return current_; }
    bool is_newest() const { return !newer_; } // that target, of those asked for

private:
    state::Trees own_trees() const;
    Status start(const Target& target, const std::vector<PublicKey>& peers, TimeMs now);
    Result<bool> finish();
    Status while_fetching(TimeMs now);

    state::Store& store_;
    Callbacks callbacks_;
    Log log_;
    std::optional<state::sync::Client> client_;
    std::uint64_t next_id_ = 1; // of requests, over all clients
    Target current_;
    std::optional<Target> newer_; // wanted once the current one is here, or cannot be had
    std::vector<PublicKey> newer_peers_;
    bool came_ = false;      // the current one, and whoever wanted it decides what is next
    std::uint64_t done_ = 0; // of the current one, entries and bytes
    TimeMs progress_ms_ = 0; // when that last changed
    TimeMs reported_ms_ = 0;
};

} // namespace hp::node
