// SPDX-License-Identifier: Apache-2.0
// A cluster of production engines in lock step: every message reaches everybody, every effect is
// done at once, time moves only when nothing else is left to do. It measures the time engines take
// for their events, by kind; signatures cost nothing here. One owner.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <vector>

#include "consensus/engine.hpp"
#include "fake_signature.hpp"
#include "message_kind.hpp"

namespace hp::bench {

// What takes time: messages by kind, and everything that a node tells its own engine.
inline constexpr std::size_t own_events = sim::message_kind_count;
inline constexpr std::size_t event_kinds = own_events + 1;

struct Spent {
    std::uint64_t events = 0;
    std::int64_t ns = 0;
};
using SpentByKind = std::array<Spent, event_kinds>;

class LockStep {
public:
    explicit LockStep(std::size_t members);

    // So many members get these, one message each, and find their signatures good.
    void give(const std::vector<proto::SharedInput>& inputs, std::size_t members);

    // Until everybody has decided one more ledger and executed it. False: they do not.
    bool close_ledger();

    LedgerSeq height() const; // of the last of them
    std::size_t inputs_of_last_ledger() const { return inputs_of_last_ledger_; }
    const SpentByKind& spent() const { return spent_; }

private:
    struct Due {
        std::size_t to = 0;
        consensus::Event event;
    };
    struct Member {
        std::unique_ptr<sim::FakeSigner> signer;
        std::unique_ptr<consensus::Engine> engine;
        std::int64_t wake_us = 0;
    };

    void step(std::size_t to, const consensus::Event& event);
    void deliver();
    bool wake_next();
    void carry_out(std::size_t by, consensus::Effects& effects);
    void carry_out(std::size_t by, consensus::Effect& effect);
    void send(std::size_t from, std::size_t to, const consensus::Message& message);

    consensus::Params params_;
    Instant now_{1'000'000'000, 1'700'000'000'000};
    std::vector<Member> members_;
    std::deque<Due> due_;
    std::size_t inputs_of_last_ledger_ = 0;
    SpentByKind spent_{};
};

// From as many users, one each.
std::vector<proto::SharedInput> make_inputs(std::size_t count, std::uint64_t nonce);

} // namespace hp::bench
