// SPDX-License-Identifier: Apache-2.0
// Readers and applications at the gate of base/.
#include <atomic>
#include <chrono>
#include <thread>

#include <catch2/catch.hpp>

#include "state_support.hpp"

using namespace hp;
using namespace hp::state;
using namespace hp::state::test;
using namespace std::chrono_literals;

TEST_CASE("the gate closes only when nobody is inside") {
    ReadGate gate;
    {
        const auto first = gate.enter();
        const auto second = gate.enter();
        CHECK(first);
        CHECK_FALSE(gate.try_close());
    }
    CHECK(gate.try_close());
    gate.open();
    const auto again = gate.enter();
    CHECK(again);
}

TEST_CASE("readers wait while the gate is closed") {
    ReadGate gate;
    REQUIRE(gate.try_close());
    std::atomic<bool> inside = false;
    std::thread reader([&gate, &inside] {
        const auto pass = gate.enter();
        inside = true;
    });
    std::this_thread::sleep_for(20ms);
    CHECK_FALSE(inside);
    gate.open();
    reader.join();
    CHECK(inside);
}

TEST_CASE("who comes after a commit sees it, unless somebody inside keeps it out") {
    ReadGate gate;
    gate.announce();
    std::atomic<bool> applied = false;
    std::atomic<bool> seen = false;
    std::thread reader([&] {
        const auto pass = gate.enter();
        seen = applied.load();
    });
    std::this_thread::sleep_for(20ms);
    REQUIRE(gate.try_close());
    applied = true;
    gate.open();
    reader.join();
    CHECK(seen);

    const auto inside = gate.enter();
    gate.announce();
    CHECK_FALSE(gate.try_close());
    CHECK(gate.enter()); // at once: the application has to wait
}

TEST_CASE("an application that never comes keeps readers out for a moment only") {
    ReadGate gate;
    gate.announce();
    CHECK(gate.enter());
}

TEST_CASE("shutting the gate releases waiting readers with nothing") {
    ReadGate gate;
    REQUIRE(gate.try_close());
    std::atomic<bool> got_pass = true;
    std::thread reader([&gate, &got_pass] { got_pass = static_cast<bool>(gate.enter()); });
    std::this_thread::sleep_for(5ms);
    gate.shut();
    reader.join();
    CHECK_FALSE(got_pass);
    CHECK_FALSE(gate.enter());
}

TEST_CASE("readers that always overlap cannot keep an application out") {
    ReadGate gate;
    std::atomic<bool> stop = false;
    const auto read = [&gate, &stop] {
        while (!stop) {
            const auto pass = gate.enter();
            std::this_thread::sleep_for(10ms);
        }
    };
    std::thread first(read);
    std::this_thread::sleep_for(5ms);
    std::thread second(read);
    const auto start = std::chrono::steady_clock::now();
    bool closed = false;
    while (!closed && std::chrono::steady_clock::now() - start < 10s) {
        std::this_thread::sleep_for(1ms);
        closed = gate.try_close();
    }
    if (closed) {
        gate.open();
    }
    stop = true;
    first.join();
    second.join();
    CHECK(closed);
}

TEST_CASE("a reader delays the application, not the runs, and sees one state") {
    const TempDir temp;
    const fs::path root = temp.path() / "contract_fs";
    fs::create_directory(root);
    make_contract_fs(root);
    const auto store = open_ready(root, 0);
    const Snapshot before = snapshot(store->base_state_dir());
    {
        const auto pass = store->gate().enter();
        for (LedgerSeq seq = 1; seq <= 3; ++seq) {
            put_file(store->live_state_dir() / ("run" + std::to_string(seq)), "x");
            fs::remove(store->live_state_dir() / "empty");
            put_at(store->live_state_dir() / "data" / "big", seq * 65'536, "changed");
            capture_now(*store);
            REQUIRE(store->commit(seq, {}));
            CHECK_FALSE(*store->apply_pending());
        }
        CHECK(difference(snapshot(store->base_state_dir()), before).empty());

        // Discarding works from base and the deltas that wait.
        const Snapshot committed = snapshot(store->live_state_dir());
        fs::remove(store->live_state_dir() / "run2");
        put_file(store->live_state_dir() / "data" / "big", "gone");
        REQUIRE(store->discard());
        CHECK(difference(snapshot(store->live_state_dir()), committed).empty());
        // Nothing that waits may be checkpointed away.
        REQUIRE(store->checkpoint(3));
        CHECK(fs::exists(root / "deltas" / delta_name(1)));
    }
    CHECK(*store->apply_pending());
    CHECK(difference(snapshot(store->base_state_dir()), snapshot(store->live_state_dir())).empty());
}
