// SPDX-License-Identifier: Apache-2.0
// A state sync at work: the fetch with a staging tree under it. Whoever has the network gives it
// peers and answers, and sends its requests; when it is done, Store::adopt() takes the tree over.
// Stopping it at any point, also by a crash, loses nothing but the requests under way: the next one
// reads what staging holds and goes on from there, also for another target.
// One owner thread, which does the file work.
#pragma once

#include <functional>

#include "hp/base/log.hpp"
#include "state/sync/fetch.hpp"
#include "state/sync/staging.hpp"

namespace hp::state::sync {

class Client {
public:
    struct Callbacks { // must not call the client
        std::function<void(const PublicKey& peer, Bytes request)> send;
        // The peer gave a provably bad answer and is not asked any more.
        std::function<void(const PublicKey& peer, const std::string& reason)> penalise;
    };

    // `contract_fs` as an open directory. `own` may be null trees. `first_id`: next_id() of the
    // client before.
    static Result<Client> start(int contract_fs, const FileOps& ops, const Roots& target,
                                const Trees& own, Callbacks callbacks, const Log& log,
                                std::uint64_t first_id = 1);

    // An error is the disk's; the sync cannot go on.
    Status on_peer_up(const PublicKey& peer, TimeMs now);
    Status on_peer_down(const PublicKey& peer, TimeMs now);
    Status on_answer(const PublicKey& peer, ByteView message, TimeMs now);
    Status on_tick(TimeMs now); // at least every second

    // Goes on with another target. What staging holds of it stays.
    Status retarget(const Roots& target, const Trees& own, TimeMs now);

    Fetch::State state() const { return fetch_.state(); }
    const FetchProgress& progress() const { return fetch_.progress(); }
    const Error& failure() const { return fetch_.failure(); }
    std::uint64_t next_id() const { return fetch_.next_id(); }
    const std::vector<PublicKey>& peers() const { return peers_; }

private:
    Client(Staging staging, Trees staged, const Roots& target, const Trees& own,
           Callbacks callbacks, Log log, std::uint64_t first_id);
    Status carry_out(TimeMs now);
    Status carry_out(Effect& effect, TimeMs now);

    Staging staging_;
    Trees staged_; // as last read
    Fetch fetch_;
    Callbacks callbacks_;
    Log log_;
    std::vector<PublicKey> peers_; // in the order they came, without those penalised
};

} // namespace hp::state::sync
