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
    struct Callbacks { // executor's thread
        std::function<void(const PublicKey& peer, Bytes request)> send;
        std::function<void(const PublicKey& peer, const std::string& reason)> penalise;
        std::function<void(const std::string& progress)> report; // for people, about every second
    };
    // Both references must outlive it.
    StateSync(state::Store& store, Callbacks callbacks, Log log)
        : store_(store), callbacks_(std::move(callbacks)), log_(std::move(log)) {}

    // The state after ledger `seq`, in place of earlier ones. What is being fetched just now comes
    // first all the same, as long as peers have it: ledgers may close faster than peers answer.
    // `peers`: whom to ask first.
    Status begin(LedgerSeq seq, const state::Roots& target, const std::vector<PublicKey>& peers,
                 TimeMs now);
    Status on_peer_up(const PublicKey& peer, TimeMs now);
    Status on_peer_down(const PublicKey& peer, TimeMs now);
    Status on_answer(const PublicKey& peer, ByteView answer, TimeMs now);
    // At least every second. True once, when the state is here: the store has taken it over.
    Result<bool> on_tick(TimeMs now);

    bool is_active() const { return client_.has_value(); }
    LedgerSeq seq() const { return current_.seq; }
    const state::Roots& target() const { return current_.roots; }

private:
    struct Target {
        LedgerSeq seq = 0;
        state::Roots roots;
    };

    state::Trees own_trees() const;
    Status start(const Target& target, const std::vector<PublicKey>& peers, TimeMs now);
    Result<bool> finish(TimeMs now);
    Status while_fetching(TimeMs now);

    state::Store& store_;
    Callbacks callbacks_;
    Log log_;
    std::optional<state::sync::Client> client_;
    std::uint64_t next_id_ = 1; // of requests, over all clients
    Target current_;
    std::optional<Target> newer_; // wanted once the current one is here, or cannot be had
    std::uint64_t done_ = 0;      // of the current one, entries and bytes
    TimeMs progress_ms_ = 0;      // when that last changed
    TimeMs reported_ms_ = 0;
};

} // namespace hp::node
