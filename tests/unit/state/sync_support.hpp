// SPDX-License-Identifier: Apache-2.0
// State sync without a network: a client, peers that are functions from request to answer, and a
// clock that only moves when nobody has anything to say.
// Test thread only.
#pragma once

#include <deque>
#include <functional>

#include "state/sync/client.hpp"
#include "state/sync/server.hpp"
#include "state_support.hpp"

namespace hp::state::test {

PublicKey peer_key(std::uint8_t number);

// Empty: no answer at all.
using Behaviour = std::function<std::optional<Bytes>(ByteView request)>;
Behaviour honest(const Store& store);
// Lets an honest peer's answers be changed.
Behaviour changed(const Store& store, std::function<void(sync::Answer&)> change);

class SyncRun {
public:
    explicit SyncRun(const fs::path& contract_fs);

    void add(std::uint8_t number, Behaviour behaviour);
    // Begins, or begins anew after stop(). `own`: the trees of the store over the same directory.
    void start(const Roots& target, const Trees& own = {}, const std::function<void()>& step = {});
    // Until it is no longer fetching, `answers_max` answers have come, or nothing has happened for
    // ten virtual minutes.
    sync::Fetch::State run(std::size_t answers_max = SIZE_MAX);
    void stop() { client_.reset(); }
    void retarget(const Roots& target, const Trees& own = {});

    const sync::FetchProgress& progress() const { return client_->progress(); }
    const sync::Client& client() const { return *client_; }
    TimeMs now() const { return now_; }
    std::vector<PublicKey> penalised;
    std::map<PublicKey, std::size_t> requests;

private:
    struct Answered {
        PublicKey peer;
        Bytes bytes;
    };
    void check(const Status& status);

    os::Fd contract_fs_;
    std::optional<sync::Client> client_;
    std::map<PublicKey, Behaviour> peers_;
    std::deque<Answered> answers_;
    TimeMs now_ = 0;
};

Trees trees_of(const Store& store); // of the committed state

} // namespace hp::state::test
