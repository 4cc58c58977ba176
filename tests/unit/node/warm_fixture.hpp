// SPDX-License-Identifier: Apache-2.0
// A state store with a contract in it, and everything that is needed to start the contract ahead.
#pragma once

#include "contract/waiting_contract.hpp"
#include "run_fixture.hpp"
#include "state/store.hpp"

namespace hp::test {

struct WarmFixture {
    TempDir contract_fs;
    std::unique_ptr<contract::Launcher> launcher = RunFixture::start_launcher();
    contract::StopSource stop = RunFixture::make_stop();
    std::unique_ptr<state::Store> store;
    contract::RunSpec spec;
    LedgerSeq seq = 0;

    WarmFixture() {
        std::filesystem::create_directories(seed() / "state");
        std::ofstream(seed() / "patch.cfg") << "{}";
        std::ofstream(seed() / "private.txt") << "private";
        std::ofstream(seed() / "state" / "file.txt") << "content";
        auto opened = state::open_store(contract_fs.path(), Log());
        REQUIRE(opened);
        store = std::move(*opened);
        REQUIRE(store->recover(0));
        spec = make_child_spec(store->live_state_dir());
        spec.no_new_privs = true;
        spec.users = {{numbered_key(1), {shared("input")}}};
        spec.bin_args = "echo";
        let_files_age();
    }

    // What was written a moment ago cannot be told from later writes.
    static void let_files_age() { std::this_thread::sleep_for(std::chrono::milliseconds(50)); }

    std::filesystem::path seed() const { return contract_fs / "seed"; }

    static std::unique_ptr<contract::OpenWatch> make_watch() {
        auto watch = contract::OpenWatch::make();
        REQUIRE(watch);
        return std::move(*watch);
    }

    std::vector<std::string> run(contract::StartedContract contract) {
        const contract::RunResult result =
            contract::run_contract(*launcher, spec, {}, stop, Log(), std::move(contract));
        INFO(describe(result));
        REQUIRE(RunFixture::succeeded(result));
        CHECK(result.stats.ahead);
        return result.outputs.empty() ? std::vector<std::string>()
                                      : texts(result.outputs[0].messages);
    }

    bool waits() const { return !processes_in(spec.state_dir).empty(); }
    bool waits_soon() const {
        return wait_until([this] { return waits(); });
    }
    // What was asked for has come and gone, or has gone too quickly to be seen.
    void wait_for_its_end() const {
        const int helper = children_of(::getpid()).at(0);
        wait_until([helper] { return !children_of(helper).empty(); }, 500);
        REQUIRE(wait_until([helper] { return children_of(helper).empty(); }));
    }
    bool nothing_waits() const {
        return wait_until([this] { return !waits(); });
    }
};

} // namespace hp::test
