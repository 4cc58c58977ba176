// SPDX-License-Identifier: Apache-2.0
// post_exec.sh (contract-protocol.md section 9; section 15, tests 39, 40, 72 to 75).
#include "contract/post_exec.hpp"

#include <sys/stat.h>

#include "run_fixture.hpp"

using namespace hp;
using namespace hp::contract;
using namespace hp::test;

namespace {

constexpr const char* script_name = "post_exec.sh";

// A run that has an output for one user, and then the script.
struct ScriptFixture : RunFixture {
    ScriptFixture() {
        spec.users.clear();
        add_user({"input"});
    }

    RunResult run_with(const std::string& body, const std::string& args = "echo") {
        write_script(script_name, "#!/bin/sh\n" + body + "\n");
        return run(args);
    }

    bool script_is_there() const { return std::filesystem::exists(state / script_name); }
};

bool has_outputs(const RunResult& result) {
    return !result.outputs.empty();
}

} // namespace

TEST_CASE("without a script nothing runs") {
    ScriptFixture f;
    RunResult result = f.run("echo");
    CHECK(result.post_exec.verdict == PostExecVerdict::none);
    CHECK(describe(result.post_exec) == "did not run");
    // What is not a regular file is none.
    std::filesystem::create_directory(f.state / script_name);
    CHECK(f.run("echo").post_exec.verdict == PostExecVerdict::none);
    std::filesystem::remove(f.state / script_name);
    f.write_script("real.sh", "#!/bin/sh\ntouch ran\n");
    std::filesystem::create_symlink("real.sh", f.state / script_name);
    CHECK(f.run("echo").post_exec.verdict == PostExecVerdict::none);
    CHECK(!std::filesystem::exists(f.state / "ran"));
}

TEST_CASE("the exit codes of the script") {
    ScriptFixture f;
    struct Case {
        const char* body;
        PostExecVerdict verdict;
        RunEnd end;
        int code;
    };
    using enum PostExecVerdict;
    for (const Case& c :
         {Case{"exit 0", done, RunEnd::exited, 0}, Case{"exit 3", again, RunEnd::exited, 3},
          Case{"exit 125", again, RunEnd::exited, 125}, Case{"exit 1", failed, RunEnd::exited, 1},
          Case{"exit 2", failed, RunEnd::exited, 2}, Case{"exit 126", failed, RunEnd::exited, 126},
          Case{"exit 127", failed, RunEnd::exited, 127},
          Case{"exit 128", failed, RunEnd::exited, 128},
          Case{"exit 255", failed, RunEnd::exited, 255},
          Case{"kill -KILL $$", failed, RunEnd::signaled, SIGKILL},
          Case{"kill -INT $$", failed, RunEnd::signaled, SIGINT},
          Case{"no_such_command", failed, RunEnd::exited, 127}}) {
        INFO(c.body);
        std::filesystem::remove(f.state / "trace");
        const RunResult result = f.run_with(std::string("touch trace\n") + c.body);
        CHECK(f.succeeded(result));
        CHECK(result.post_exec.verdict == c.verdict);
        CHECK(result.post_exec.end == c.end);
        CHECK(result.post_exec.code == c.code);
        CHECK(f.script_is_there() == (c.verdict != done));
        CHECK(has_outputs(result) == (c.verdict != failed));
        CHECK((result.stats.output_bytes > 0) == (c.verdict != failed));
        CHECK(std::filesystem::exists(f.state / "trace")); // what it did stays
        CHECK(result.post_exec.wall_us > 0);
        CHECK(result.notes.empty());
    }
}

TEST_CASE("a script that cannot be executed") {
    ScriptFixture f;
    const auto expect_failure = [&](int code) {
        const RunResult result = f.run("echo");
        CHECK(f.succeeded(result));
        CHECK(result.post_exec.verdict == PostExecVerdict::failed);
        CHECK(result.post_exec.end == RunEnd::not_started);
        CHECK(result.post_exec.code == code);
        CHECK(f.script_is_there());
        CHECK(!has_outputs(result));
    };
    f.write_script(script_name, "#!/bin/sh\n", 0644);
    expect_failure(EACCES);
    f.write_script(script_name, "#!/bin/sh\n", 0677); // a root node could, others not
    expect_failure(EACCES);
    f.write_script(script_name, "#!/no/such/interpreter\n");
    expect_failure(ENOENT);
    f.write_script(script_name, "touch no_interpreter\n");
    expect_failure(ENOEXEC);
    CHECK(!std::filesystem::exists(f.state / "no_interpreter"));
    // Only its owner's permission counts, and makes it readable too.
    f.write_script(script_name, "#!/bin/sh\n", 0100);
    CHECK(f.run("echo").post_exec.verdict == PostExecVerdict::done);
}

TEST_CASE("after which runs the script is executed") {
    ScriptFixture f;
    for (const char* args : {"exit 0", "exit 7", "raise 2"}) {
        INFO(args);
        const RunResult result = f.run_with("touch ran", args);
        CHECK(result.post_exec.verdict == PostExecVerdict::done);
        CHECK(std::filesystem::remove(f.state / "ran"));
    }
    const RunResult forced = f.run_with("exit 0", "raise 2");
    CHECK(forced.end == RunEnd::signaled);
    CHECK(is_success(forced));
    CHECK(has_outputs(forced));
    for (const char* args : {"raise 9", "raise 15", "crash"}) {
        INFO(args);
        const RunResult result = f.run_with("touch ran", args);
        CHECK(result.post_exec.verdict == PostExecVerdict::none);
        CHECK(has_outputs(result));
        CHECK(f.script_is_there());
    }
    f.spec.limits.exec_timeout = 100;
    CHECK(f.run_with("touch ran", "sleep 20000").post_exec.verdict == PostExecVerdict::none);
    f.spec.limits.exec_timeout = 60'000;
    // A command that cannot be executed ends like exit 1 with the original.
    f.spec.bin_path = "missing";
    CHECK(f.run_with("touch ran").post_exec.verdict == PostExecVerdict::done);
    CHECK(std::filesystem::remove(f.state / "ran"));
    f.spec.bin_path = HP_RUN_TEST_CHILD;
    f.spec.readonly = true;
    f.spec.lcl.reset();
    CHECK(f.run_with("touch ran").post_exec.verdict == PostExecVerdict::none);
    CHECK(!std::filesystem::exists(f.state / "ran"));
}

TEST_CASE("what the script sees") {
    ScriptFixture f;
    f.spec.environment = {{"PATH", "/usr/bin:/bin"}, {"A", "1"}, {"HP_LCL_HASH", "mine"}};
    f.spec.limits.proc_ofd_count = 64;
    f.spec.limits.proc_cpu_seconds = 9;
    const TempDir directory;
    ContractLog log(directory.path(), "rw", {true, 1, 2});
    f.spec.log = RunLog{&log, "title"}; // nobody knows what the test's own stdout is
    const RunResult result = f.run_with(R"(
printf '%s|' "$#" "$0" "$1" > args
set -- $1
printf '%s|' "$1" "$2" > split
tr '\0' '\n' < /proc/$$/environ > environment
pwd > directory
cat > stdin
ls -l /proc/$$/fd | grep -c -e socket -e memfd > channels
ulimit -n > files
ulimit -t > seconds
umask > mask
cut -d ' ' -f 1,5 /proc/$$/stat > group)");
    REQUIRE(result.post_exec.verdict == PostExecVerdict::done);
    const std::string hash = f.spec.lcl->hash.hex();
    CHECK(read_text(f.state / "args") == "1|post_exec.sh|13 " + hash + "|");
    CHECK(read_text(f.state / "split") == "13|" + hash + "|");
    CHECK(read_text(f.state / "environment") ==
          "A=1\nHP_LCL_HASH=" + hash + "\nHP_LCL_SEQ_NO=13\nPATH=/usr/bin:/bin\n");
    CHECK(read_text(f.state / "directory") == f.state.path().string() + "\n");
    CHECK(read_text(f.state / "stdin").empty());
    CHECK(read_text(f.state / "files") == "64\n");
    CHECK(read_text(f.state / "seconds") == "9\n");
    CHECK(read_text(f.state / "mask") == "0022\n");
    CHECK(read_text(f.state / "channels") == "0\n");
    const std::vector<int> group = read_numbers(f.state / "group");
    REQUIRE(group.size() == 2);
    CHECK(group[0] == group[1]);
}

TEST_CASE("a script that never ends is killed, with all it has started") {
    ScriptFixture f;
    f.spec.limits.exec_timeout = 300;
    const RunResult result =
        f.run_with("trap '' TERM\nsetsid sleep 1000 &\nsleep 1000 & wait\nsleep 1000");
    CHECK(f.succeeded(result));
    CHECK(result.post_exec.verdict == PostExecVerdict::failed);
    CHECK(result.post_exec.end == RunEnd::timed_out);
    CHECK(result.post_exec.wall_us >= 300'000);
    CHECK(describe(result.post_exec).find("timed out after ") == 0);
    CHECK(!has_outputs(result));
    CHECK(f.script_is_there());
    CHECK(processes_in(f.state.path()).empty());
}

TEST_CASE("the script's output is part of the run's log") {
    ScriptFixture f;
    const TempDir directory;
    ContractLog log(directory.path(), "rw", {true, 1, 2});
    f.spec.log = RunLog{&log, "title"};
    const RunResult result = f.run_with("echo said\necho complained >&2\nexit 3", "say 1");
    CHECK(result.post_exec.verdict == PostExecVerdict::again);
    CHECK(read_text(directory / "rw.stdout.log") == "title\nout line 0\nsaid\n");
    CHECK(read_text(directory / "rw.stderr.log") == "title\nerr line 0\ncomplained\n");
}

TEST_CASE("a node that stops repeats the run with its script") {
    ScriptFixture f;
    std::thread stopper([&f] {
        wait_until([&f] { return std::filesystem::exists(f.state / "begun"); });
        f.stop.request_stop();
    });
    const RunResult result = f.run_with("touch begun\nsleep 1000");
    stopper.join();
    CHECK(result.end == RunEnd::stopped);
    CHECK(!has_outputs(result));
    CHECK(f.script_is_there());
    CHECK(processes_in(f.state.path()).empty());
}

TEST_CASE("a run that ruins its directory does not ruin the node") {
    ScriptFixture f;
    // The script takes its own permissions away, or its file, or puts a directory there.
    CHECK(f.run_with("chmod 0 post_exec.sh\nchmod 0 .").post_exec.verdict == PostExecVerdict::done);
    CHECK(!f.script_is_there());
    CHECK(mode_of(f.state.path()) == 0755);
    CHECK(f.run_with("rm post_exec.sh").post_exec.verdict == PostExecVerdict::done);
    CHECK(f.run_with("rm post_exec.sh; mkdir post_exec.sh").post_exec.verdict ==
          PostExecVerdict::done);
    CHECK(std::filesystem::is_directory(f.state / script_name));
    std::filesystem::remove(f.state / script_name);
    // The contract does, before the script is looked for.
    f.spec.bin_path = "contract.sh";
    f.write_script("contract.sh", "#!/bin/sh\nchmod 0 post_exec.sh 2>&1\nchmod 0 .\n");
    CHECK(f.run_with("touch ran").post_exec.end == RunEnd::not_started);
    f.write_script("contract.sh", "#!/bin/sh\nchmod 0 .\n");
    CHECK(f.run_with("touch ran").post_exec.verdict == PostExecVerdict::done);
    CHECK(std::filesystem::exists(f.state / "ran"));
    // No directory at all.
    f.write_script("contract.sh", "#!/bin/sh\nd=$(pwd)\nrm -r \"$d\"\n");
    const RunResult result = f.run_with("touch ran");
    CHECK(result.end == RunEnd::exited);
    CHECK(result.post_exec.verdict == PostExecVerdict::none);
}

TEST_CASE("a script that the contract has locked against changes") {
    if (::geteuid() != 0) {
        WARN("needs root");
        return;
    }
    ScriptFixture f;
    f.spec.environment = {{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}};
    const RunResult result = f.run_with("chattr +i post_exec.sh || exit 9");
    if (result.post_exec.verdict == PostExecVerdict::again) {
        WARN("this file system has no such locks");
        return;
    }
    CHECK(result.post_exec.verdict == PostExecVerdict::done);
    CHECK(!f.script_is_there());
}
