// SPDX-License-Identifier: Apache-2.0
// What a contract's process looks like from inside (contract-protocol.md 6.3; section 15, tests 10
// to 20, 44 to 46) and what is left in the node afterwards.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "run_fixture.hpp"

using namespace hp;
using namespace hp::contract;
using namespace hp::test;
using nlohmann::json;

TEST_CASE("descriptors: stdio and channels, nothing else") {
    RunFixture f;
    f.add_user({"x"});
    const os::Fd leaky(::open("/dev/zero", O_RDONLY)); // not close-on-exec
    const json seen = f.look();
    std::vector<std::string> numbers;
    for (const auto& [number, target] : seen["fds"].items()) {
        numbers.push_back(number);
    }
    CHECK(numbers == std::vector<std::string>{"0", "1", "10", "11", "12", "13", "14", "2"});
    CHECK(seen["fds"]["0"] == "/memfd:hp_stdin (deleted)");
    CHECK(seen["fds"]["11"] == "/memfd:hp_inputs (deleted)");
    CHECK(seen["sockets"] ==
          json({{"10", "seqpacket"}, {"12", "seqpacket"}, {"13", "stream"}, {"14", "stream"}}));
    const json document = json::parse(seen["stdin"].get<std::string>());
    CHECK(document["control_fd"] == 10);
    CHECK(document["user_in_fd"] == 11);
    CHECK(document["npl_fd"] == 12);
    CHECK(document["users"][numbered_key(1).hex()] == json::parse("[13]"));
    CHECK(document["users"][numbered_key(2).hex()] == json::parse("[14,[0,1]]"));
}

TEST_CASE("the environment is exactly the configured one, sorted") {
    RunFixture f;
    CHECK(f.look()["env"] == json::array());
    f.spec.environment = {{"Z", "last"}, {"A", "1"}, {"EMPTY", ""}, {"EQ", "a=b c"}};
    CHECK(f.look()["env"] == json({"A=1", "EMPTY=", "EQ=a=b c", "Z=last"}));
}

TEST_CASE("arguments are split on single spaces, quotes mean nothing") {
    RunFixture f;
    const json seen = f.look(" a  b \"c d\" ");
    CHECK(seen["args"] == json({"look", "a", "b", "\"c", "d\""}));
    CHECK(seen["argv0"] == HP_RUN_TEST_CHILD);
}

TEST_CASE("directory, process group, signals, umask") {
    const ScopedUmask strange(077);
    std::signal(SIGUSR1, SIG_IGN);
    RunFixture f;
    const json seen = f.look();
    std::signal(SIGUSR1, SIG_DFL);
    CHECK(seen["cwd"] == f.state.path().string());
    CHECK(seen["pid"] == seen["pgid"]);
    CHECK(seen["umask"] == 022);
    CHECK(seen["no_new_privs"] == 0);
    CHECK(seen["signals"]["ignored"] == json::array());
    CHECK(seen["signals"]["blocked"] == json::array());
    f.spec.no_new_privs = true;
    CHECK(f.look()["no_new_privs"] == 1);
}

TEST_CASE("a path relative to the state directory, and scripts") {
    RunFixture f;
    std::filesystem::copy_file(HP_RUN_TEST_CHILD, f.state / "contract");
    f.spec.bin_path = "contract";
    CHECK(f.look()["argv0"] == "contract");
    std::ofstream(f.state / "run.sh") << "#!/bin/sh\necho \"$0 $1\" > said.txt\nexit 7\n";
    std::filesystem::permissions(f.state / "run.sh", std::filesystem::perms::owner_all);
    f.spec.bin_path = "run.sh";
    const RunResult result = f.run("hello");
    CHECK(result.end == RunEnd::exited);
    CHECK(result.code == 7);
    CHECK(describe(result) == "exit code 7");
    CHECK(read_text(f.state / "said.txt") == "run.sh hello\n");
}

TEST_CASE("a contract that cannot be executed") {
    RunFixture f;
    std::ofstream(f.state / "not_executable") << "#!/bin/sh\n";
    std::ofstream(f.state / "garbage") << "garbage";
    std::filesystem::permissions(f.state / "garbage", std::filesystem::perms::owner_all);
    const std::vector<std::pair<std::string, int>> cases = {{"missing", ENOENT},
                                                            {"not_executable", EACCES},
                                                            {"garbage", ENOEXEC},
                                                            {"/", EACCES},
                                                            {std::string("a\0b", 3), EINVAL}};
    for (const auto& [path, error] : cases) {
        f.spec.bin_path = path;
        const RunResult result = f.run("look");
        INFO(path);
        CHECK(result.end == RunEnd::not_started);
        CHECK(result.code == error);
        CHECK(result.outputs.empty());
        CHECK(result.notes.size() == 1);
    }
    f.spec.bin_path = "missing";
    CHECK(describe(f.run("")) == "could not be executed: No such file or directory");
}

TEST_CASE("what only this node cannot do is no result of the contract") {
    RunFixture f;
    f.spec.state_dir = f.state / "missing";
    RunResult result = f.run("look");
    CHECK(result.end == RunEnd::failed);
    REQUIRE(result.notes.size() == 1);
    CHECK(result.notes[0].find("state directory") != std::string::npos);

    f.spec.state_dir = f.state.path();
    const int helper = children_of(::getpid()).at(0);
    ::kill(helper, SIGKILL);
    result = f.run("look");
    CHECK(result.end == RunEnd::failed);
    CHECK(describe(result).find("launcher") != std::string::npos);
}

TEST_CASE("resource limits") {
    RunFixture f;
    json seen = f.look();
    CHECK(seen["nofile"][0] == 10 + 4 + 1024);
    f.spec.limits.proc_cpu_seconds = 1;
    f.spec.limits.proc_mem_bytes = 100U << 20;
    f.spec.limits.proc_ofd_count = 8;
    seen = f.look();
    CHECK(seen["cpu"] == json({1, 1}));
    CHECK(seen["data"] == json({100 << 20, 100 << 20}));
    CHECK(seen["nofile"] == json({8, 8}));
    CHECK(f.succeeded(f.run("allocate 300")));
    CHECK(f.succeeded(f.run("open_files 5"))); // 3 to 7
    const RunResult result = f.run("spin");
    CHECK(result.end == RunEnd::signaled);
    CHECK(result.code == SIGKILL);
    CHECK(result.stats.cpu_us > 800'000);
    CHECK(result.stats.cpu_us < 2'000'000);
}

TEST_CASE("run_as drops everything of the node's user") {
    if (::geteuid() != 0) {
        WARN("needs root");
        return;
    }
    RunFixture f;
    std::filesystem::copy_file(HP_RUN_TEST_CHILD, f.state / "contract");
    f.spec.bin_path = "contract";
    f.spec.run_as = config::RunAs{65534, 65533};
    REQUIRE(::chown(f.state.path().c_str(), 65534, 65533) == 0);
    CHECK(f.look()["identity"] ==
          json({{"uid", 65534}, {"gid", 65533}, {"groups", json::array()}}));
}

TEST_CASE("an unprivileged node cannot become somebody else") {
    if (::geteuid() != 0) {
        return;
    }
    const pid_t pid = ::fork();
    if (pid == 0) { // a node of user 65534
        int failures = 0;
        if (::setgid(65534) != 0 || ::setuid(65534) != 0) {
            ::_exit(100);
        }
        {
            RunFixture f;
            f.spec.bin_path = "/bin/true";
            f.spec.run_as = config::RunAs{1, 1};
            failures += f.run("").end != RunEnd::failed;
            f.spec.run_as = config::RunAs{65534, 65534};
            failures += !f.succeeded(f.run(""));
        }
        ::_exit(failures);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    CHECK(status == 0);
}

TEST_CASE("a node without stdin, stdout and stderr") {
    const pid_t pid = ::fork();
    if (pid == 0) {
        for (int fd = 0; fd < 3; ++fd) {
            ::close(fd);
        }
        json seen;
        {
            RunFixture f;
            seen = f.look();
        }
        ::_exit(seen["fds"]["1"] == "/dev/null" && seen["fds"]["2"] == "/dev/null" ? 0 : 1);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    CHECK(status == 0);
}

TEST_CASE("100 runs leave no descriptors and no processes") {
    RunFixture f;
    f.add_user({"input"});
    REQUIRE(f.succeeded(f.run("echo")));
    const std::size_t before = entries_in("/proc/self/fd");
    const std::vector<int> helpers = children_of(::getpid());
    REQUIRE(helpers.size() == 1);
    for (int i = 0; i < 100; ++i) {
        REQUIRE(f.succeeded(f.run("echo")));
    }
    CHECK(entries_in("/proc/self/fd") == before);
    CHECK(children_of(::getpid()) == helpers);
    // The last supervisor exits right after its report.
    CHECK(wait_until([&] { return children_of(helpers[0]).empty(); }));
    CHECK(entries_in("/proc/" + std::to_string(helpers[0]) + "/fd") == 10);
    f.launcher.reset();
    CHECK(children_of(::getpid()).empty());
}

TEST_CASE("many runs at a time, with large requests") {
    RunFixture f;
    std::vector<std::thread> threads;
    std::atomic<int> right{0};
    for (int t = 0; t < 6; ++t) {
        threads.emplace_back([&, t] {
            RunSpec spec = f.spec;
            spec.bin_args = "echo";
            for (int i = 0; i < 20; ++i) {
                spec.environment["VAR" + std::to_string(i)] =
                    std::string(20'000, static_cast<char>('a' + t));
            }
            spec.users.clear();
            for (std::uint32_t i = 0; i < 300; ++i) { // more than one packet of descriptors
                const std::string input = std::to_string(t) + "/" + std::to_string(i);
                spec.users.push_back({numbered_key(i), {shared(input)}});
            }
            for (int i = 0; i < 5; ++i) {
                const RunResult result = run_contract(*f.launcher, spec, {}, f.stop, Log());
                right += f.succeeded(result) && result.outputs.size() == 300 &&
                         to_text(result.outputs[299].messages.at(0)) == std::to_string(t) + "/299";
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(right == 30);
}
