// SPDX-License-Identifier: Apache-2.0
// Processes that are started before their run: they cannot tell, and those that could are not used.
#include "contract/waiting_contract.hpp"

#include <csignal>
#include <sys/wait.h>

#include "run_fixture.hpp"

using namespace hp;
using namespace hp::contract;
using namespace hp::test;
using nlohmann::json;

namespace {

struct WaitingFixture : RunFixture {
    std::unique_ptr<OpenWatch> watch;

    WaitingFixture() {
        auto made = OpenWatch::make();
        REQUIRE(made);
        watch = std::move(*made);
        spec.no_new_privs = true;
    }

    WaitingContract start(const std::string& args, std::size_t users = 1) {
        spec.bin_args = args;
        auto started = WaitingContract::start(*launcher, *watch, spec, users);
        REQUIRE(started);
        return std::move(*started);
    }

    RunResult deliver(WaitingContract waiting) {
        REQUIRE(!waiting.why_not(spec));
        auto contract = std::move(waiting).deliver(spec);
        REQUIRE(contract);
        return run_contract(*launcher, spec, {}, stop, Log(), std::move(*contract));
    }

    // Started, given time to be in the middle of its start-up or behind it, then used.
    RunResult run_ahead(const std::string& args, int wait_ms) {
        WaitingContract waiting = start(args, spec.users.size());
        std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
        return deliver(std::move(waiting));
    }

    bool acted() const { return read_text(state / "acted.txt") == "yes\n"; }
};

json without_pids(json seen) {
    for (const char* name : {"pid", "pgid", "fds"}) {
        seen.erase(name);
    }
    return seen;
}

} // namespace

TEST_CASE("a process that was started ahead sees what any other sees") {
    WaitingFixture f;
    f.spec.users.clear();
    for (int i = 0; i < 8; ++i) { // as many as are reserved
        f.add_user({"input " + std::to_string(i)});
    }
    f.spec.environment = {{"A", "1"}};
    const json cold = f.look();
    f.spec.bin_args = "look";
    for (const int wait_ms : {0, 50}) {
        const RunResult result = f.run_ahead("look", wait_ms);
        REQUIRE(f.succeeded(result));
        CHECK(result.stats.ahead);
        CHECK(result.stats.input_bytes == 8 * 7);
        const json warm = json::parse(read_text(f.state / "look.json"));
        CHECK(without_pids(warm) == without_pids(cold));
        CHECK(warm["fds"].size() == cold["fds"].size());
        CHECK(warm["fds"]["0"] == cold["fds"]["0"]);
        CHECK(warm["fds"]["11"] == cold["fds"]["11"]);
    }
    CHECK(!f.run("echo").stats.ahead);
}

TEST_CASE("inputs and outputs of a process that was started ahead") {
    WaitingFixture f;
    f.spec.users.clear();
    f.add_user({"one", "", "two"});
    f.add_user({"three"});
    for (const int wait_ms : {0, 30}) {
        const RunResult result = f.run_ahead("echo", wait_ms);
        REQUIRE(f.succeeded(result));
        REQUIRE(result.outputs.size() == 2);
        CHECK(texts(result.outputs[0].messages) == std::vector<std::string>{"one", "", "two"});
        CHECK(texts(result.outputs[1].messages) == std::vector<std::string>{"three"});
        CHECK(result.notes.empty());
    }
    CHECK(f.succeeded(f.run_ahead("npl_echo 50 1000", 10)));
    f.spec.users = {{numbered_key(1), {shared("input 0")}}};
    CHECK(f.succeeded(f.run_ahead("write_inputs", 10)));
    CHECK(f.succeeded(f.run_ahead("check_inputs 1", 10)));
    f.spec.users.clear(); // nobody, eight reserved
    CHECK(f.succeeded(f.run_ahead("exit 0", 10)));
}

TEST_CASE("a small document comes in one read, a large one too") {
    WaitingFixture f;
    f.spec.contract_id = std::string(36, 'i');
    while (f.spec.unl.size() < 35) { // a document of nearly 4096 bytes
        f.spec.unl.push_back({numbered_key(static_cast<std::uint32_t>(f.spec.unl.size() + 1)), 1});
    }
    for (const int wait_ms : {0, 50}) {
        CHECK(f.succeeded(f.run_ahead("in_one_read", wait_ms)));
    }
    f.spec.users.clear();
    std::vector<std::string> inputs;
    for (int i = 0; i < 20'000; ++i) { // a document of hundreds of KiB
        inputs.push_back("input " + std::to_string(i));
    }
    f.add_user(inputs);
    CHECK(f.succeeded(f.run_ahead("check_inputs 20000", 20)));
}

TEST_CASE("whatever gets at the document waits for it") {
    for (const char* how : {"by_mmap", "by_mapping_only", "by_pread", "by_preadv", "by_dup",
                            "by_dup2", "by_fcntl", "by_sendfile", "by_splice"}) {
        INFO(how);
        WaitingFixture f;
        WaitingContract waiting = f.start("early " + std::string(how) + " acted.txt");
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        CHECK(!std::filesystem::exists(f.state / "acted.txt"));
        const RunResult result = f.deliver(std::move(waiting));
        CHECK(f.succeeded(result));
        CHECK(f.acted());
    }
}

TEST_CASE("shells and what they start wait too") {
    WaitingFixture f;
    f.spec.bin_path = "contract.sh";
    f.spec.environment = {{"PATH", "/usr/bin:/bin"}};
    for (const char* body : {"cat > document", "exec cat > document", "(cat) | cat > document",
                             "read -r line; printf %s \"$line\" > document",
                             "x=$(cat); printf %s \"$x\" > document"}) {
        INFO(body);
        f.write_script("contract.sh", "#!/bin/sh\ntouch begun\n" + std::string(body) + "\n");
        WaitingContract waiting = f.start("");
        REQUIRE(wait_until([&] { return std::filesystem::exists(f.state / "begun"); }));
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        f.spec.timestamp += 1;
        CHECK(f.deliver(std::move(waiting)).end == RunEnd::exited);
        CHECK(json::parse(read_text(f.state / "document"))["timestamp"] == f.spec.timestamp);
        std::filesystem::remove(f.state / "begun");
        std::filesystem::remove(f.state / "document");
    }
    // It may do without its document.
    f.write_script("contract.sh",
                   "#!/bin/sh\nexec 0<&-\nwhile ! test -e go; do sleep 0.01; done\n");
    WaitingContract deaf = f.start("");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::thread starter([&f] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        f.write_script("go", "");
    });
    const RunResult result = f.deliver(std::move(deaf));
    starter.join();
    CHECK(f.succeeded(result));
}

TEST_CASE("a read request whose process was started ahead") {
    WaitingFixture f;
    f.spec.readonly = true;
    f.spec.lcl.reset();
    f.spec.users.clear();
    f.add_user({"question"});
    const RunResult result = f.run_ahead("echo", 20);
    REQUIRE(f.succeeded(result));
    CHECK(texts(result.outputs.at(0).messages) == std::vector<std::string>{"question"});
    CHECK(reserved_users(true, 1) == 1);
    CHECK(reserved_users(false, 0) == 8);
    CHECK(reserved_users(false, 9) == 16);
}

TEST_CASE("its time begins with its document") {
    WaitingFixture f;
    f.spec.limits.exec_timeout = 250;
    CHECK(f.succeeded(f.run_ahead("sleep 10", 400)));
    const RunResult result = f.run_ahead("sleep 20000", 10);
    CHECK(result.end == RunEnd::timed_out);
    CHECK(result.stats.wall_us >= 250'000);
    CHECK(processes_in(f.state.path()).empty());
}

TEST_CASE("what it has said before is in the log of its run") {
    WaitingFixture f;
    const TempDir directory;
    ContractLog log(directory.path(), "rw", {true, 1, 2});
    f.spec.log = RunLog{&log, "another title"};
    WaitingContract waiting = f.start("early words acted.txt");
    REQUIRE(wait_until([&] { return f.acted(); }));
    CHECK(!std::filesystem::exists(directory / "rw.stdout.log"));
    f.spec.log->title = "title";
    CHECK(f.succeeded(f.deliver(std::move(waiting))));
    CHECK(read_text(directory / "rw.stdout.log") == "title\nearly words\n");
}

TEST_CASE("not used: the command is another one now") {
    WaitingFixture f;
    const TempDir directory;
    ContractLog log(directory.path(), "rw", {true, 1, 2});
    const WaitingContract waiting = f.start("echo");
    CHECK(!waiting.why_not(f.spec));
    const std::vector<std::function<void(RunSpec&)>> changes = {
        [](RunSpec& s) { s.bin_path = "other"; },
        [](RunSpec& s) { s.bin_args = "look"; },
        [](RunSpec& s) { s.environment["A"] = "1"; },
        [](RunSpec& s) { s.state_dir = "/"; },
        [](RunSpec& s) { s.limits.proc_cpu_seconds = 5; },
        [](RunSpec& s) { s.limits.proc_mem_bytes = 1 << 30; },
        [](RunSpec& s) { s.limits.proc_ofd_count = 5; },
        [](RunSpec& s) {
            s.run_as = config::RunAs{1, 1};
        },
        [](RunSpec& s) { s.no_new_privs = false; },
        [](RunSpec& s) { s.readonly = true; },
        [&](RunSpec& s) {
            s.log = RunLog{&log, "title"};
        },
    };
    for (std::size_t i = 0; i < changes.size(); ++i) {
        INFO(i);
        RunSpec other = f.spec;
        changes[i](other);
        CHECK(waiting.why_not(other) == NotUsable::other_command);
    }
    RunSpec same = f.spec; // these are told with the document
    same.timestamp = 1;
    same.lcl->seq = 99;
    same.unl.clear();
    same.users.clear();
    CHECK(!waiting.why_not(same));
}

TEST_CASE("not used: more users than channels") {
    WaitingFixture f;
    f.spec.users.clear();
    const WaitingContract waiting = f.start("echo", 3);
    for (int i = 0; i < 8; ++i) {
        f.add_user({});
        CHECK(!waiting.why_not(f.spec));
    }
    f.add_user({});
    CHECK(waiting.why_not(f.spec) == NotUsable::other_users);
    // A limit that counts the channels: exactly as many as there are users.
    f.spec.limits.proc_ofd_count = 64;
    const WaitingContract exact = f.start("echo", 8);
    CHECK(exact.why_not(f.spec) == NotUsable::other_users);
    f.spec.users.pop_back();
    CHECK(!exact.why_not(f.spec));
    f.spec.users.pop_back();
    CHECK(exact.why_not(f.spec) == NotUsable::other_users);
}

TEST_CASE("not used: a process that has ended or never began") {
    WaitingFixture f;
    const WaitingContract ended = f.start("early exit");
    CHECK(wait_until([&] { return ended.why_not(f.spec) == NotUsable::ended; }));
    f.spec.bin_path = "missing";
    WaitingContract missing = f.start("");
    CHECK(wait_until([&] { return missing.why_not(f.spec) == NotUsable::ended; }));
    CHECK(missing.end() == "cannot execute: No such file or directory");
}

TEST_CASE("not used: a process that has used its channels") {
    for (const char* what :
         {"output", "last_output", "npl", "control", "close", "open_document", "open_inputs"}) {
        WaitingFixture f;
        INFO(what);
        const WaitingContract waiting = f.start("early " + std::string(what) + " acted.txt");
        REQUIRE(wait_until([&] { return f.acted(); }));
        CHECK(waiting.why_not(f.spec) == NotUsable::acted);
    }
}

TEST_CASE("not used: a process that keeps its document or inputs from being filled") {
    for (const char* what :
         {"write_inputs", "write_document", "map_inputs", "seal_inputs", "seal_document"}) {
        WaitingFixture f;
        f.spec.users = {{numbered_key(1), {shared("input")}}};
        INFO(what);
        WaitingContract waiting = f.start("early " + std::string(what) + " acted.txt");
        REQUIRE(wait_until([&] { return f.acted(); }));
        REQUIRE(!waiting.why_not(f.spec));
        const auto contract = std::move(waiting).deliver(f.spec);
        REQUIRE(!contract);
        CHECK(contract.error() == NotUsable::holds_inputs);
    }
}

TEST_CASE("a waiting process leaves nothing behind") {
    WaitingFixture f;
    WaitingContract waiting = f.start("echo");
    REQUIRE(wait_until([&] { return !processes_in(f.state.path()).empty(); }));
    CHECK(!waiting.end());
    CHECK(processes_in(f.state.path()).empty());
    {
        const WaitingContract forgotten = f.start("echo");
        REQUIRE(wait_until([&] { return !processes_in(f.state.path()).empty(); }));
    }
    CHECK(wait_until([&] { return processes_in(f.state.path()).empty(); }));

    const std::size_t before = entries_in("/proc/self/fd");
    for (int i = 0; i < 20; ++i) {
        REQUIRE(f.succeeded(f.run_ahead("echo", 0)));
    }
    CHECK(entries_in("/proc/self/fd") == before);
}

TEST_CASE("a waiting process ends with a node that is killed") {
    const TempDir state;
    const pid_t node = ::fork();
    if (node == 0) {
        const auto launcher = Launcher::start({});
        RunSpec spec = make_child_spec(state.path());
        spec.bin_args = "early file acted.txt";
        spec.no_new_privs = true;
        const auto watch = OpenWatch::make();
        const auto waiting = WaitingContract::start(**launcher, **watch, spec, 1);
        ::pause();
        ::_exit(waiting ? 0 : 1);
    }
    REQUIRE(wait_until([&] { return std::filesystem::exists(state / "acted.txt"); }));
    CHECK(!processes_in(state.path()).empty());
    ::kill(node, SIGKILL);
    ::waitpid(node, nullptr, 0);
    CHECK(wait_until([&] { return processes_in(state.path()).empty(); }));
}
