// SPDX-License-Identifier: Apache-2.0
// Outputs that ledgers confirm and that are not here: this node has not run the ledger before, has
// not finished yet, or its own run gave something else. They come from the own run when that ends,
// or from peers; the root in the ledger's header proves them. One request at a time, the oldest
// ledger first. Reactor thread; what comes is checked by a worker.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "hp/base/log.hpp"
#include "hp/net/reactor.hpp"
#include "hp/net/worker_pool.hpp"
#include "hp/proto/ledger.hpp"

namespace hp::node {

class LateOutputs {
public:
    struct Wanted {
        proto::LedgerHeader header; // of the ledger that confirms them
        std::vector<std::pair<PublicKey, Signature>> root_signatures;
    };
    struct Callbacks {
        std::function<std::vector<PublicKey>()> peers;
        std::function<void(const PublicKey&, LedgerSeq)> ask;
        std::function<void(const PublicKey&, const std::string& why)> on_bad_message;
        std::function<void(const Wanted&, const proto::SharedResult&)> on_found;
    };
    // All references must outlive it.
    LateOutputs(net::Reactor& reactor, net::WorkerPool& workers, Callbacks callbacks, Log log);

    void want(Wanted wanted);
    void stop();
    // The contract has been run here.
    void on_own(const proto::SharedResult& result);
    void on_answer(const PublicKey& from, LedgerSeq seq, Bytes bytes);
    void on_peer_left(const PublicKey& peer);

    std::size_t missing() const { return wanted_.size(); }

private:
    void found(LedgerSeq seq, const proto::SharedResult& result);
    void begin(std::int64_t wait_us);
    void ask_next_peer();

    net::Reactor& reactor_;
    net::WorkerPool& workers_;
    Callbacks callbacks_;
    Log log_;
    net::Timer timer_;
    std::map<LedgerSeq, Wanted> wanted_;
    proto::SharedResult last_own_;
    bool active_ = false;   // asking for those of seq_, or about to
    bool checking_ = false; // a worker is at it
    LedgerSeq seq_ = 0;
    int rounds_ = 0;               // all peers were asked for them so often
    std::vector<PublicKey> peers_; // still to be asked
    PublicKey peer_;
    bool stopping_ = false;
};

// Whether these are the outputs that the ledger confirms.
bool confirms(const proto::LedgerHeader& header, const proto::ExecutionResult& result);

} // namespace hp::node
