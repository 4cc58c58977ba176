// SPDX-License-Identifier: Apache-2.0
// No process of a run outlives it, however the run ends (contract-protocol.md section 15, tests 41
// to 43 and 76). Every test looks for survivors at once after run_contract() returned.
#include <fcntl.h>
#include <sys/wait.h>

#include "run_fixture.hpp"

using namespace hp;
using namespace hp::contract;
using namespace hp::test;

namespace {

bool all_dead(const std::vector<int>& pids) {
    return std::none_of(pids.begin(), pids.end(), is_alive);
}

int parent_of(int pid) {
    const std::string stat = read_text("/proc/" + std::to_string(pid) + "/stat");
    return std::stoi(stat.substr(stat.rfind(')') + 4));
}

} // namespace

TEST_CASE("a contract that ignores SIGTERM is killed on time") {
    RunFixture f;
    f.spec.limits.exec_timeout = 300;
    const RunResult result = f.run("stubborn");
    CHECK(result.end == RunEnd::timed_out);
    CHECK(result.code == SIGKILL);
    CHECK(result.stats.wall_us >= 400'000); // with the grace
    CHECK(result.stats.wall_us < 1'500'000);
    CHECK(describe(result).find("timed out after ") == 0);
    CHECK(processes_in(f.state.path()).empty());
}

TEST_CASE("a contract that follows SIGTERM needs no more") {
    RunFixture f;
    f.spec.limits.exec_timeout = 200;
    const RunResult result = f.run("sleep 20000");
    CHECK(result.end == RunEnd::timed_out);
    CHECK(result.code == SIGTERM);
    CHECK(result.stats.wall_us >= 200'000);
    // Also one that has left its group, for that of its supervisor, the helper and the node.
    const RunResult moved = f.run("leave_group");
    CHECK(moved.end == RunEnd::timed_out);
    CHECK(moved.code == SIGTERM);
    CHECK(f.succeeded(f.run("exit 0")));
}

TEST_CASE("daemons are dead when the run is over") {
    RunFixture f;
    const RunResult result = f.run("daemons 0");
    CHECK(f.succeeded(result));
    const std::vector<int> pids = read_numbers(f.state / "pids.txt");
    CHECK(pids.size() == 5);
    CHECK(all_dead(pids));
    CHECK(processes_in(f.state.path()).empty());
}

TEST_CASE("daemons of a contract that runs out of time") {
    RunFixture f;
    f.spec.limits.exec_timeout = 500;
    const RunResult result = f.run("daemons 20000");
    CHECK(result.end == RunEnd::timed_out);
    CHECK(read_numbers(f.state / "pids.txt").size() == 5);
    CHECK(processes_in(f.state.path()).empty());
}

TEST_CASE("processes that flee by forking end with their contract") {
    RunFixture f;
    for (const char* args : {"relay group", "relay session"}) {
        const RunResult result = f.run(args);
        CHECK(f.succeeded(result));
        CHECK(result.stats.wall_us < 10'000'000);
        CHECK(processes_in(f.state.path()).empty());
    }
}

TEST_CASE("orphans are reaped while the contract runs") {
    RunFixture f;
    CHECK(f.succeeded(f.run("orphans")));
}

TEST_CASE("stopping a run kills everything at once") {
    RunFixture f;
    std::thread stopper([&f] {
        wait_until([&f] { return read_numbers(f.state / "pids.txt").size() == 5; });
        f.stop.request_stop();
    });
    const RunResult result = f.run("daemons 20000");
    stopper.join();
    CHECK(result.end == RunEnd::stopped);
    CHECK(result.outputs.empty());
    CHECK(describe(result) == "stopped by the node");
    CHECK(result.stats.wall_us < 5'000'000);
    CHECK(processes_in(f.state.path()).empty());
    // The source stays set: a later run with it is stopped as well.
    CHECK(f.run("sleep 20000").end == RunEnd::stopped);
}

TEST_CASE("a contract that kills its supervisor ends itself and all it has started") {
    RunFixture f;
    const RunResult result = f.run("kill_supervisor");
    CHECK(result.end == RunEnd::signaled);
    CHECK(result.code == SIGKILL);
    CHECK(result.notes.size() == 1);
    CHECK(read_numbers(f.state / "pids.txt").size() == 2);
    CHECK(processes_in(f.state.path()).empty());
    CHECK(f.succeeded(f.run("exit 0")));
}

TEST_CASE("giving up a process kills its tree") {
    RunFixture f;
    SpawnRequest request;
    request.state_dir = f.state.path();
    request.bin_path = HP_RUN_TEST_CHILD;
    request.args = {"daemons", "20000"};
    auto document = os::sealed_memfd("hp_stdin", as_bytes("{}"));
    REQUIRE(document);
    request.stdin_fd = document->get();
    {
        auto process = f.launcher->spawn(request);
        REQUIRE(process);
        REQUIRE(wait_until([&] { return read_numbers(f.state / "pids.txt").size() == 5; }));
    }
    CHECK(wait_until([&] { return processes_in(f.state.path()).empty(); }));
}

TEST_CASE("Ctrl-C and a hang-up of the terminal do not reach the helper") {
    RunFixture f;
    const int helper = children_of(::getpid()).at(0);
    ::kill(helper, SIGINT);
    ::kill(helper, SIGHUP);
    CHECK(f.succeeded(f.run("exit 0")));
}

TEST_CASE("nothing survives a node that is killed with SIGKILL") {
    const TempDir state;
    const os::Fd lock(::open((state / "lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    const pid_t node = ::fork();
    if (node == 0) {
        const auto launcher = Launcher::start({lock.get()});
        const auto stop = StopSource::make();
        RunSpec spec = make_child_spec(state.path());
        spec.bin_args = "daemons 60000";
        run_contract(**launcher, spec, {}, *stop, Log());
        ::_exit(0);
    }
    REQUIRE(wait_until([&] { return read_numbers(state / "pids.txt").size() == 5; }));
    std::vector<int> pids = read_numbers(state / "pids.txt");
    const int supervisor = parent_of(pids[0]);
    const int helper = parent_of(supervisor);
    CHECK(parent_of(helper) == node);
    for (const int holder : {supervisor, helper}) { // the lock is kept as long as they live
        CHECK(std::filesystem::read_symlink("/proc/" + std::to_string(holder) + "/fd/5") ==
              state / "lock");
    }
    pids.insert(pids.end(), {supervisor, helper});
    ::kill(node, SIGKILL);
    ::waitpid(node, nullptr, 0);
    CHECK(wait_until([&] { return all_dead(pids); }));
    CHECK(processes_in(state.path()).empty());
}
