// SPDX-License-Identifier: Apache-2.0
// The process that waits for the next consensus run: when it is used, when it is not, and what is
// left of it then.
#include "node/warm_runs.hpp"

#include "hp/base/limits.hpp"
#include "warm_fixture.hpp"

using namespace hp;
using namespace hp::contract;
using namespace hp::node;
using namespace hp::test;

namespace {

class Lines final : public LogSink {
public:
    void write(LogLevel level, std::string_view, std::string_view text) override {
        if (level >= LogLevel::warning) {
            lines.emplace_back(text);
        }
    }
    std::vector<std::string> lines;
};

struct RunsFixture : WarmFixture {
    std::shared_ptr<Lines> warnings = std::make_shared<Lines>();
    WarmRuns warm{*launcher, *store, make_watch(), Log(warnings, LogLevel::debug, "test")};

    std::optional<StartedContract> take() {
        auto taken = warm.take(spec);
        REQUIRE(taken);
        return std::move(*taken);
    }

    void prepare_and_wait() {
        let_files_age();
        warm.prepare(spec);
        REQUIRE(waits_soon());
    }

    // Neither used nor started again, with one line in the log that says why.
    void expect_barred(const std::string& why) {
        CHECK(!take());
        CHECK(!waits());
        let_files_age();
        warm.prepare(spec);
        CHECK(!take());
        REQUIRE(warnings->lines.size() == 1);
        INFO(warnings->lines[0]);
        CHECK(warnings->lines[0].find(why) != std::string::npos);
    }

    void expect_unused_only_once() {
        CHECK(!take());
        CHECK(!waits());
        CHECK(warnings->lines.empty());
        prepare_and_wait();
        CHECK(take());
    }
};

void write(const std::filesystem::path& file, const std::string& text) {
    std::ofstream(file) << text;
}

} // namespace

TEST_CASE("a waiting process runs the next ledger") {
    RunsFixture f;
    CHECK(!f.take());
    for (LedgerSeq seq = 1; seq <= 3; ++seq) {
        f.prepare_and_wait();
        f.warm.prepare(f.spec); // one is enough
        CHECK(processes_in(f.spec.state_dir).size() == 1);
        auto contract = f.take();
        REQUIRE(contract);
        CHECK(f.run(std::move(*contract)) == std::vector<std::string>{"input"});
        state::CaptureStats stats;
        REQUIRE(f.store->capture(stats));
        REQUIRE(f.store->commit(seq, {}));
        CHECK(!f.waits());
    }
    CHECK(f.warnings->lines.empty());
}

TEST_CASE("what is changed by the run itself does not count") {
    RunsFixture f;
    f.spec.bin_args = "crash"; // writes a file
    f.prepare_and_wait();
    auto contract = f.take();
    REQUIRE(contract);
    const RunResult result =
        run_contract(*f.launcher, f.spec, {}, f.stop, Log(), std::move(*contract));
    CHECK(result.end == RunEnd::signaled);
    state::CaptureStats stats;
    const auto roots = f.store->capture(stats);
    REQUIRE(roots);
    CHECK(roots->state != f.store->roots().state);
    REQUIRE(f.store->commit(1, {}));
    f.prepare_and_wait();
    CHECK(f.take());
}

TEST_CASE("another command, or more users: not used this time") {
    RunsFixture f;
    SECTION("command") {
        f.prepare_and_wait();
        f.spec.environment["A"] = "1";
        f.expect_unused_only_once();
    }
    SECTION("users") {
        f.prepare_and_wait();
        for (std::uint32_t i = 2; i < 20; ++i) {
            f.spec.users.push_back({numbered_key(i), {}});
        }
        f.expect_unused_only_once();
    }
}

TEST_CASE("somebody changes the state or private files: not used this time") {
    RunsFixture f;
    f.prepare_and_wait();
    SECTION("a new private file") {
        write(f.seed() / "new.txt", "x");
        f.expect_unused_only_once();
    }
    SECTION("the content of a private file, with its times put back") {
        const auto time = std::filesystem::last_write_time(f.seed() / "private.txt");
        write(f.seed() / "private.txt", "PRIVATE");
        std::filesystem::last_write_time(f.seed() / "private.txt", time);
        f.expect_unused_only_once();
    }
    SECTION("a private directory below another") {
        std::filesystem::create_directories(f.seed() / "a" / "b");
        f.expect_unused_only_once();
    }
}

TEST_CASE("private files that change again and again are believed to be its own doing") {
    RunsFixture f;
    for (int i = 1; i < limits::warm_private_changes_max; ++i) {
        f.prepare_and_wait();
        write(f.seed() / "private.txt", std::to_string(i));
        CHECK(!f.take());
        CHECK(f.warnings->lines.empty());
    }
    f.prepare_and_wait();
    write(f.seed() / "private.txt", "once more");
    f.expect_barred("private files");
}

TEST_CASE("a process that touches the state before its run is undone and not started again") {
    RunsFixture f;
    const state::Roots before = f.store->roots();
    const auto touch = [&](const std::string& what) {
        f.spec.bin_args = "early " + what + " ../acted.txt";
        f.warm.prepare(f.spec);
        REQUIRE(wait_until([&] { return read_text(f.seed() / "acted.txt") == "yes\n"; }));
        std::filesystem::remove(f.seed() / "acted.txt"); // leaves no mark: it was not there before
    };
    SECTION("a new file") {
        touch("file");
        f.expect_barred("touched the state");
    }
    SECTION("a new file, by one that would not have been used anyway") {
        touch("file");
        write(f.seed() / "new.txt", "x");
        f.expect_barred("touched the state");
    }
    SECTION("the same content again") {
        touch("rewrite");
        f.expect_barred("touched the state");
    }
    SECTION("a mode") {
        touch("mode");
        f.expect_barred("touched the state");
    }
    SECTION("a fifo") {
        touch("fifo");
        f.expect_barred("touched the state");
    }
    SECTION("another name for a file") {
        touch("link");
        f.expect_barred("touched the state");
    }
    CHECK(!std::filesystem::exists(f.spec.state_dir / "early.txt"));
    CHECK(mode_of(f.spec.state_dir / "file.txt") == 0644);
    CHECK(read_text(f.spec.state_dir / "file.txt") == "content");
    state::CaptureStats stats;
    const auto roots = f.store->capture(stats);
    REQUIRE(roots);
    CHECK(*roots == before);
    CHECK(stats.changed_files == 0);
}

TEST_CASE("a change of patch.cfg before its run counts as well") {
    RunsFixture f;
    f.prepare_and_wait();
    write(f.seed() / "patch.cfg", "{\"changed\": true}");
    f.expect_barred("touched the state");
    CHECK(read_text(f.seed() / "patch.cfg") == "{}");
}

TEST_CASE("processes that end, act or cannot start are not started again") {
    RunsFixture f;
    SECTION("ended") {
        f.spec.bin_args = "early exit";
        f.warm.prepare(f.spec);
        f.wait_for_its_end();
        f.expect_barred("has ended");
    }
    SECTION("no such file") {
        f.spec.bin_path = "missing";
        f.warm.prepare(f.spec);
        f.wait_for_its_end();
        f.expect_barred("cannot execute: No such file");
    }
    SECTION("output") {
        f.spec.bin_args = "early output ../acted.txt"; // private, and so noticed as well
        f.warm.prepare(f.spec);
        REQUIRE(wait_until([&] { return read_text(f.seed() / "acted.txt") == "yes\n"; }));
        f.expect_barred("has used a channel");
    }
    SECTION("inputs") {
        f.spec.bin_args = "early map_inputs";
        f.prepare_and_wait();
        REQUIRE(wait_until([&] {
            const std::vector<int> pids = processes_in(f.spec.state_dir);
            return !pids.empty() &&
                   read_text("/proc/" + std::to_string(pids[0]) + "/maps").find("hp_inputs") !=
                       std::string::npos;
        }));
        f.expect_barred("from being filled");
    }
    // Another contract gets its chance.
    f.spec = make_child_spec(f.spec.state_dir);
    f.spec.no_new_privs = true;
    f.spec.bin_args = "echo";
    f.prepare_and_wait();
    CHECK(f.take());
}

TEST_CASE("nothing waits when there is too much to compare") {
    RunsFixture f;
    SECTION("state") {
        for (std::size_t i = 0; i < limits::warm_state_entries_max; ++i) {
            write(f.spec.state_dir / std::to_string(i), "");
        }
        f.let_files_age();
        f.warm.prepare(f.spec);
    }
    SECTION("users") {
        f.spec.users.resize(limits::warm_users_max + 1);
        f.warm.prepare(f.spec);
    }
    SECTION("private files") {
        for (std::size_t i = 0; i <= limits::warm_private_entries_max; ++i) {
            write(f.seed() / ("p" + std::to_string(i)), "x");
        }
        f.let_files_age();
        f.warm.prepare(f.spec);
    }
    SECTION("a file that was written just now") {
        write(f.seed() / "new", "x");
        f.warm.prepare(f.spec);
    }
    CHECK(!f.waits());
    CHECK(!f.take());
    CHECK(f.warnings->lines.empty());
}

TEST_CASE("a waiting process goes with its owner") {
    RunsFixture f;
    {
        WarmRuns other(*f.launcher, *f.store, RunsFixture::make_watch(), Log());
        other.prepare(f.spec);
        REQUIRE(f.waits_soon());
    }
    CHECK(f.nothing_waits());
}
