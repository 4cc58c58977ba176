// SPDX-License-Identifier: Apache-2.0
// Brings a node to the newest ledger when it cannot get there ledger by ledger: they are too many,
// nobody has them any more, or the UNL it knows is an old one. It follows a peer's epoch chain
// from the UNL it trusts, takes the newest ledger that the UNL found there has certified, and tries
// the next peer when one does not answer, or shows nothing that this node can believe. Nothing of
// what peers say is believed without certificate. Reactor thread; signatures are checked by the
// workers.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "consensus/epoch_chain.hpp"
#include "hp/base/log.hpp"
#include "hp/net/reactor.hpp"
#include "hp/net/worker_pool.hpp"
#include "peer/peer_message.hpp"

namespace hp::node {

class CatchUp {
public:
    // A verified link, and the configuration it names.
    struct Epoch {
        LedgerSeq seq = 0;
        Hash32 config_hash;
        Bytes link;
        Bytes config;
    };
    struct Outcome {
        consensus::SharedSnapshot snapshot;
        std::vector<Epoch> epochs;     // from the UNL trusted at first, in order
        std::optional<Epoch> in_force; // the last of them that can be used, if any
        Bytes config;                  // what the ledger names; empty: what this node had
    };
    struct Start {
        consensus::Trust trust; // of the ledger after `newest`
        LedgerSeq newest = 0;   // here
        Hash32 config_hash;     // in force here
    };
    struct Callbacks {
        std::function<Start()> start;
        std::function<std::vector<PublicKey>()> peers;
        std::function<void(const PublicKey&, const peer::PeerMessage&)> ask;
        std::function<void(const PublicKey&, const std::string& why)> on_bad_message;
        std::function<void(Outcome)> on_done;
    };
    // All references must outlive it.
    CatchUp(net::Reactor& reactor, net::WorkerPool& workers, const Clock& clock,
            Callbacks callbacks, Log log);

    // `first` is asked first. Ledgers are passed over only when more than `missed_min` are missing.
    // Without effect while it is at work and shortly after.
    void begin(const PublicKey& first, const std::string& why, LedgerSeq missed_min);
    void stop();

    void on_epochs(const PublicKey& from, Bytes bytes);
    void on_snapshot(const PublicKey& from, Bytes bytes);
    void on_peer_left(const PublicKey& peer);

    struct Progress {
        std::size_t epochs = 0; // verified
        LedgerSeq newest = 0;   // that the peer says it has
    };
    std::optional<Progress> progress() const; // empty when there is nothing to do

private:
    // What is known so far, by the answers of one peer.
    struct Chain {
        consensus::Trust trust;
        LedgerSeq above = 0; // asked for next
        LedgerSeq newest = 0;
        std::vector<Epoch> epochs;
        std::optional<Epoch> in_force;
        std::map<Hash32, Bytes> configs; // of links, verified or not; proven by their hashes
        std::size_t seen = 0;
        bool finished = false;
        bool again = false; // asked once more, because of a change in between
    };
    static Result<Chain> follow(Chain chain, ByteView page);
    static Result<Outcome> take(const Chain& chain, const Start& start, ByteView bytes);

    void ask_next_peer();
    void ask(const peer::PeerMessage& message);
    void on_followed(Result<Chain> chain);
    void on_taken(Result<Outcome> outcome);
    void give_up_peer(const std::string& why);

    net::Reactor& reactor_;
    net::WorkerPool& workers_;
    const Clock& clock_;
    Callbacks callbacks_;
    Log log_;
    net::Timer timer_;
    bool active_ = false;
    bool checking_ = false;    // a worker is at it
    std::uint64_t number_ = 0; // of the question asked last: late answers count for nothing
    LedgerSeq missed_min_ = 0;
    std::vector<PublicKey> peers_; // still to be asked
    PublicKey peer_;
    Start start_;
    Chain chain_; // not while a worker has it
    Progress shown_;
    TimeMs not_before_ms_ = 0;
    LogLimiter log_limiter_;
};

} // namespace hp::node
