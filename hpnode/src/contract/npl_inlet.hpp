// SPDX-License-Identifier: Apache-2.0
// NPL messages on their way to the contract (contract-protocol.md 8.4). Every message names the
// ledger whose run it is meant for. Those for the run in progress are delivered; those for the next
// ledger, which a faster node may have reached already, wait until this node has as well; all
// others are dropped. Nothing is collapsed and each sender's messages keep their order.
//
// Bounded, and fair: senders take turns, and when there is no room it is whoever has the most
// waiting that loses its newest message. A contract that does not read harms nobody.
//
// Thread rule: push() from any thread; the rest from the thread that executes runs.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>

#include "hp/base/ids.hpp"

namespace hp::contract {

struct NplMessage {
    PublicKey sender;
    Bytes bytes; // never empty
};

// Waiting messages by sender. Not thread safe.
class NplQueue {
public:
    struct Item {
        LedgerId run;
        Bytes bytes;
    };

    // The number of messages that had to be dropped for it, which may be itself.
    std::size_t push(const LedgerId& run, const PublicKey& sender, Bytes bytes);
    std::optional<NplMessage> pop(); // of the sender whose turn it is
    bool empty() const { return senders_.empty(); }

    // Moves what is meant for `run` into `to`, keeps what is meant for the ledger after it and
    // forgets the rest.
    void advance(const LedgerId& run, NplQueue& to);

private:
    struct Waiting {
        std::deque<Item> items; // never empty
        std::size_t cost = 0;
    };
    using Senders = std::map<PublicKey, Waiting>;

    void append(const PublicKey& sender, Item item);
    void drop_newest(Senders::iterator sender);
    Senders::iterator busiest();

    Senders senders_;
    std::size_t cost_ = 0; // of all
    PublicKey last_served_;
};

class NplInlet {
public:
    // `run` is what the message is tagged with. Neither empty nor oversized messages are taken.
    void push(const LedgerId& run, const PublicKey& sender, Bytes bytes);

    // The run for this ledger begins: its messages come from now on, the ones held for it first.
    // Also for a ledger without a run, so that messages for the next one are known as such.
    void begin(const LedgerId& run);
    void end(); // ... is over; what it has not taken is dropped

    // Writes to this eventfd whenever messages have come for a run that had none waiting.
    void attach(int event_fd);
    void detach() { attach(-1); }
    std::optional<NplMessage> take();
    std::size_t dropped() const; // for want of room, since begin()

private:
    void signal();

    mutable std::mutex mutex_;
    std::optional<LedgerId> current_;
    std::optional<LedgerSeq> newest_; // begun; before the first, nothing is too early
    NplQueue ready_;                  // for `current_`
    NplQueue held_;                   // for the ledger after `newest_`
    std::size_t dropped_ = 0;
    int event_fd_ = -1;
};

} // namespace hp::contract
