// SPDX-License-Identifier: Apache-2.0
// Processes that wait for read requests, and when they are given up.
#include "node/warm_readers.hpp"

#include "warm_fixture.hpp"

using namespace hp;
using namespace hp::contract;
using namespace hp::node;
using namespace hp::test;

namespace {

struct ReadersFixture : WarmFixture {
    WarmReaders warm{*launcher, seed(), 2, make_watch(), Log()};

    ReadersFixture() {
        spec.readonly = true;
        spec.lcl.reset();
        spec.state_dir = store->base_state_dir();
    }
};

} // namespace

TEST_CASE("waiting processes answer read requests, so many and no more") {
    ReadersFixture f;
    CHECK(!f.warm.take(f.spec));
    for (int i = 0; i < 4; ++i) {
        f.warm.refill(f.spec);
    }
    REQUIRE(wait_until([&] { return processes_in(f.spec.state_dir).size() == 2; }));
    for (int i = 0; i < 2; ++i) {
        auto contract = f.warm.take(f.spec);
        REQUIRE(contract);
        CHECK(f.run(std::move(*contract)) == std::vector<std::string>{"input"});
    }
    CHECK(!f.warm.take(f.spec));
    CHECK(!f.waits());
}

TEST_CASE("nothing waits while the view may change") {
    ReadersFixture f;
    f.warm.refill(f.spec);
    REQUIRE(f.waits_soon());
    f.warm.pause();
    CHECK(!f.warm.take(f.spec));
    CHECK(f.nothing_waits());
    f.warm.refill(f.spec);
    CHECK(!f.waits());
    // Requests were frequent: there is one again as soon as that is possible.
    f.warm.resume();
    REQUIRE(f.waits_soon());
    CHECK(f.warm.take(f.spec));
}

TEST_CASE("nothing waits when requests are rare") {
    ReadersFixture f;
    f.warm.refill(f.spec);
    REQUIRE(f.waits_soon());
    f.warm.clear();
    CHECK(f.nothing_waits());
    f.warm.pause();
    f.warm.resume();
    CHECK(!f.waits());
    CHECK(!f.warm.take(f.spec));
}

TEST_CASE("readers that have seen something else are given up") {
    ReadersFixture f;
    f.warm.refill(f.spec);
    REQUIRE(f.waits_soon());
    SECTION("private files") {
        std::ofstream(f.seed() / "private.txt") << "changed";
    }
    SECTION("the command") {
        f.spec.bin_args = "echo again";
    }
    CHECK(!f.warm.take(f.spec));
    CHECK(f.nothing_waits());
    f.let_files_age();
    f.warm.refill(f.spec); // only that one
    CHECK(f.warm.take(f.spec));
}

TEST_CASE("a contract that acts before its document is not started ahead of requests again") {
    ReadersFixture f;
    const std::filesystem::path trace = f.spec.state_dir.parent_path() / "acted.txt";
    for (const std::string what : {"exit", "control", "open_document"}) {
        INFO(what);
        f.spec.bin_args = "early " + what + " ../acted.txt";
        f.warm.refill(f.spec);
        if (what == "exit") {
            f.wait_for_its_end();
        } else {
            REQUIRE(wait_until([&] { return read_text(trace) == "yes\n"; }));
            std::filesystem::remove(trace);
        }
        CHECK(!f.warm.take(f.spec));
        CHECK(f.nothing_waits());
        f.warm.refill(f.spec);
        CHECK(!f.warm.take(f.spec));
    }
}

TEST_CASE("many threads take, fill up and give up") {
    ReadersFixture f;
    std::atomic<int> used{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 15; ++i) {
                f.warm.refill(f.spec);
                if (auto contract = f.warm.take(f.spec)) {
                    const RunResult result =
                        run_contract(*f.launcher, f.spec, {}, f.stop, Log(), std::move(*contract));
                    used += RunFixture::succeeded(result) && result.outputs.size() == 1;
                }
                if (t == 0) {
                    f.warm.pause();
                    f.warm.resume();
                }
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(used > 0);
    f.warm.clear();
    CHECK(f.nothing_waits());
}
