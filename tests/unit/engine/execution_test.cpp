// SPDX-License-Identifier: Apache-2.0
// What happens to the state next: a run, ledgers that were decided meanwhile, or another state.
#include <catch2/catch.hpp>

#include "consensus/execution.hpp"
#include "consensus/params.hpp"

using namespace hp;
using namespace hp::consensus;

namespace {

// The state after ledger N is that of `N` here; a run gives what it should.
Hash32 hash_of(LedgerSeq after, std::uint8_t kind = 1) {
    Hash32 hash;
    hash.data[0] = kind;
    hash.data[1] = static_cast<std::uint8_t>(after >> 8);
    hash.data[2] = static_cast<std::uint8_t>(after);
    return hash;
}

proto::SharedResult result_of(LedgerSeq seq, const Hash32& state) {
    auto result = std::make_shared<proto::ExecutionResult>();
    result->seq = seq;
    result->state_hash = state;
    return result;
}

proto::SharedResult result_of(LedgerSeq seq) {
    return result_of(seq, hash_of(seq));
}

proto::SharedLedger ledger(LedgerSeq seq, const Hash32& state, std::size_t bytes = 0) {
    auto out = std::make_shared<proto::LedgerRecord>();
    out->header.seq = seq;
    out->header.hash = hash_of(seq, 2);
    out->header.prev_hash = hash_of(seq - 1, 2);
    out->header.state_hash = state;
    if (bytes > 0) {
        auto input = std::make_shared<proto::SignedInput>();
        input->container.resize(bytes);
        out->inputs.push_back(input);
    }
    return out;
}

proto::SharedLedger ledger(LedgerSeq seq) {
    return ledger(seq, hash_of(seq - 1));
}

struct Node {
    explicit Node(LedgerSeq seq) : execution(result_of(seq)) {}

    void decide(const proto::SharedLedger& what, bool catching_up = false) {
        execution.decided(what, {}, catching_up);
    }
    // Ledger to run next, 0 for none.
    LedgerSeq runs() {
        const auto effect = execution.next();
        const auto* execute = effect ? std::get_if<Execute>(&*effect) : nullptr;
        return execute != nullptr ? execute->ledger->header.seq : 0;
    }
    // Ledger after which the state is asked for, 0 for none.
    LedgerSeq syncs() {
        const auto effect = execution.next();
        const auto* sync = effect ? std::get_if<SyncState>(&*effect) : nullptr;
        return sync != nullptr ? sync->target.ledger.seq : 0;
    }
    void run_all(LedgerSeq first, LedgerSeq last) {
        for (LedgerSeq seq = first; seq <= last; ++seq) {
            CHECK(runs() == seq);
            execution.ready(result_of(seq));
        }
    }

    Execution execution;
};

} // namespace

TEST_CASE("the newest ledger is executed on the state it continues from") {
    Node node(4);
    node.decide(ledger(5));
    CHECK(node.runs() == 5);
    CHECK(node.runs() == 0);
    CHECK_FALSE(node.execution.is_behind());
    node.execution.ready(result_of(5));
    REQUIRE(node.execution.result());
    CHECK(node.execution.claim().ledger == LedgerId{5, hash_of(5, 2)});
}

TEST_CASE("ledgers decided during a long run are executed after it, one by one") {
    Node node(4);
    node.decide(ledger(5));
    CHECK(node.runs() == 5);
    for (LedgerSeq seq = 6; seq <= 9; ++seq) {
        node.decide(ledger(seq));
        CHECK(node.runs() == 0);
    }
    CHECK(node.execution.is_behind());
    node.execution.ready(result_of(5));
    CHECK_FALSE(node.execution.result());
    node.run_all(6, 9);
    CHECK(node.execution.result());
    CHECK_FALSE(node.execution.is_behind());
}

TEST_CASE("ledgers that left the state as it is are passed over") {
    Node node(4);
    node.decide(ledger(5));
    CHECK(node.runs() == 5);
    node.decide(ledger(6));
    node.decide(ledger(7, hash_of(5)));
    node.execution.ready(result_of(5));
    CHECK(node.runs() == 7);
}

TEST_CASE("another state than the agreed one is replaced") {
    Node node(4);
    node.decide(ledger(5, hash_of(99)));
    CHECK(node.syncs() == 4);
    CHECK(node.execution.is_behind());
    CHECK(node.syncs() == 0); // once

    SECTION("and the newest ledger executed on it") {
        node.execution.ready(result_of(4, hash_of(99)));
        CHECK(node.runs() == 5);
    }
    SECTION("by one that was asked for before, if ledgers since lead to the newest") {
        node.decide(ledger(6));
        CHECK(node.syncs() == 5);
        node.decide(ledger(7));
        CHECK(node.syncs() == 6);
        node.execution.ready(result_of(4, hash_of(99)));
        node.run_all(5, 7);
        CHECK(node.execution.result());
    }
    SECTION("not by what is neither the newest nor leads to it") {
        node.decide(ledger(6));
        CHECK(node.syncs() == 5);
        node.execution.ready(result_of(4, hash_of(98)));
        CHECK(node.execution.is_behind());
        CHECK(node.syncs() == 0);
        node.execution.ready(result_of(5));
        CHECK(node.runs() == 6);
    }
    SECTION("not by an earlier one while more ledgers are to come") {
        node.decide(ledger(6), true);
        CHECK(node.syncs() == 0);
        node.execution.ready(result_of(3));
        node.decide(ledger(7));
        CHECK(node.syncs() == 6);
    }
}

TEST_CASE("a later run that gives another state than the agreed one is the last of its kind") {
    Node node(4);
    node.decide(ledger(5));
    CHECK(node.runs() == 5);
    node.decide(ledger(6));
    node.decide(ledger(7));
    node.execution.ready(result_of(5));
    CHECK(node.runs() == 6);
    node.execution.ready(result_of(6, hash_of(99)));
    CHECK(node.syncs() == 6);
    node.decide(ledger(8));
    CHECK(node.syncs() == 7);
    node.execution.ready(result_of(6)); // would lead to the newest
    CHECK(node.execution.is_behind());
    node.execution.ready(result_of(7));
    CHECK(node.runs() == 8);
}

TEST_CASE("ledgers of another configuration are not executed later") {
    Node node(4);
    node.decide(ledger(5));
    CHECK(node.runs() == 5);
    node.decide(ledger(6));
    auto changed = std::make_shared<proto::LedgerRecord>(*ledger(7));
    changed->header.config_hash = hash_of(7, 3);
    node.decide(changed);
    node.execution.ready(result_of(5));
    CHECK(node.syncs() == 6);
}

TEST_CASE("a backlog has no gap, and keeps the newest") {
    LedgerBacklog backlog;
    CHECK_FALSE(backlog.find(1));
    for (LedgerSeq seq = 3; seq <= 6; ++seq) {
        backlog.add(ledger(seq));
    }
    CHECK(backlog.find(3)->header.seq == 3);
    CHECK_FALSE(backlog.find(2));
    CHECK_FALSE(backlog.find(7));
    backlog.forget_through(4);
    CHECK_FALSE(backlog.find(4));
    CHECK(backlog.find(5)->header.seq == 5);

    SECTION("but what follows on") {
        backlog.add(ledger(9));
        CHECK(backlog.size() == 1);
        CHECK(backlog.find(9));
    }
    SECTION("of so many") {
        for (LedgerSeq seq = 7; seq < 7 + params::backlog_ledgers_max; ++seq) {
            backlog.add(ledger(seq));
        }
        CHECK(backlog.size() == params::backlog_ledgers_max);
        CHECK_FALSE(backlog.find(6));
        CHECK(backlog.find(7));
    }
    SECTION("and of so many bytes, but always the newest one") {
        backlog.add(ledger(7, {}, params::backlog_bytes_max - 100));
        CHECK(backlog.size() == 3);
        backlog.add(ledger(8, {}, 200));
        CHECK(backlog.size() == 1);
        backlog.add(ledger(9, {}, params::backlog_bytes_max + 1));
        CHECK(backlog.size() == 1);
        CHECK(backlog.find(9));
        backlog.add(ledger(10));
        CHECK(backlog.size() == 1);
        CHECK(backlog.find(10));
    }
}
