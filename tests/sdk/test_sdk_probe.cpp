// SPDX-License-Identifier: Apache-2.0
//
// probe_contract does what its README says, so that conformance tests can trust it.
//
// Threads: one.
#include "fixtures.hpp"

#include <csignal>
#include <cstdlib>

#include <catch2/catch.hpp>
#include <unistd.h>

using namespace hp::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

using Texts = std::vector<std::string>;

RunSpec make_spec(Texts inputs, const StateDir& dir) {
    RunSpec spec;
    spec.program = HP_PROBE_CONTRACT;
    spec.directory = dir.path();
    spec.users = {{make_key(1), std::move(inputs)}};
    return spec;
}

Texts ask(const StateDir& dir, Texts inputs) {
    return run_process(make_spec(std::move(inputs), dir)).messages(make_key(1));
}

Texts ask(Texts inputs) {
    const StateDir dir;
    return ask(dir, std::move(inputs));
}

} // namespace

TEST_CASE("probe: outputs", "[sdk][contracts]") {
    CHECK(ask({"echo:a:b", "none", "multi:3", "raw:00ff41", "raw:", "order"}) ==
          Texts{"a:b", "1", "2", "3", std::string("\0\xff\x41", 3), "",
                "echo:a:b\nnone\nmulti:3\nraw:00ff41\nraw:\norder"});
    CHECK(ask({"hello", "", "echo", "none:", "crash:x", "unknown:1", std::string("\0\xff", 2)}) ==
          Texts{"hello", "", "echo", "none:", "crash:x", "unknown:1", std::string("\0\xff", 2)});
    CHECK(ask({"raw:0", "raw:0g", "multi:x", "exit:256", "big:-1", "write:=x"}) ==
          Texts(6, "error:argument"));
    const Texts big = ask({"big:1000000", "big2"});
    REQUIRE(big.size() == 3);
    CHECK(big[0].size() == 1'000'000);
    CHECK_THAT(big[0], StartsWith("abcdefghijklmnopqrstuvwxyzabc"));
    CHECK(big[1].size() == 131066);
    CHECK(big[2] == "after big2");
}

TEST_CASE("probe: frames no SDK would write", "[sdk][contracts]") {
    const StateDir dir;
    const RunOutcome half = run_process(make_spec({"echo:whole", "halfframe", "echo:never"}, dir));
    CHECK(half.exit_code == 0);
    CHECK(half.outputs.at(make_key(1)) == std::string("\0\0\0\5whole\0\0\0\x64ten bytes.", 23));
    const RunOutcome huge = run_process(make_spec({"hugeheader", "echo:x"}, dir));
    CHECK(huge.outputs.at(make_key(1)) == std::string("\xff\xff\xff\xf0\0\0\0\1x", 9));
    CHECK(ask({"slowheader", "echo:x"}) == Texts{"slow header", "x"});
}

TEST_CASE("probe: ways to end", "[sdk][contracts]") {
    const StateDir dir;
    const RunOutcome crash = run_process(make_spec({"echo:x", "crash", "echo:y"}, dir));
    CHECK(crash.signal == SIGSEGV);
    CHECK(crash.messages(make_key(1)) == Texts{"x"});
    CHECK(dir.read("crash.txt") == "written before the crash\n");
    CHECK(dir.list() == "crash.txt");
    CHECK(run_process(make_spec({"exit:7"}, dir)).exit_code == 7);

    RunSpec hang = make_spec({"echo:x", "hang", "echo:y"}, dir);
    hang.timeout_ms = 300;
    const RunOutcome hung = run_process(hang);
    CHECK(hung.timed_out);
    CHECK(hung.messages(make_key(1)) == Texts{"x"});
    CHECK(ask({"sleep:30"}) == Texts{"slept"});
}

TEST_CASE("probe: a daemon outlives the contract", "[sdk][contracts]") {
    const StateDir dir;
    const RunOutcome run = run_process(make_spec({"daemon", "echo:x"}, dir));
    CHECK(run.exit_code == 0);
    CHECK(run.messages(make_key(1)) == Texts{"daemon started", "x"});
    const std::string before = dir.read("daemon.txt").value_or("");
    REQUIRE_THAT(before, StartsWith("pid "));
    const pid_t daemon = std::atoi(before.c_str() + 4);
    ::usleep(200'000);
    CHECK(dir.read("daemon.txt").value_or("").size() > before.size());
    REQUIRE(daemon > 1);
    CHECK(::kill(daemon, SIGKILL) == 0);
}

TEST_CASE("probe: noisy streams", "[sdk][contracts]") {
    const StateDir dir;
    const RunOutcome run = run_process(make_spec({"fillpipe"}, dir));
    CHECK(run.out.size() == 10'000'000);
    CHECK(run.err.size() == 10'000'000);
    CHECK(run.messages(make_key(1)) == Texts{"filled"});
}

TEST_CASE("probe: files", "[sdk][contracts]") {
    const StateDir dir;
    CHECK(ask(dir, {"write:a.txt=x=y", "read:a.txt", "read:none", "write:no/dir=1", "private:p"}) ==
          Texts{"ok", "x=y", "error:ENOENT", "error:ENOENT", "ok"});
    CHECK(dir.read("a.txt") == "x=y");
    CHECK(dir.read("../private.txt") == "p");
    CHECK(ask(dir, {"patch:version=2.0"}) == Texts{"error:ENOENT"});

    dir.write("../patch.cfg", "{\n    \"version\": \"1.0\",\n    \"consensus\": {\n"
                              "        \"roundtime\": 1000,\n        \"threshold\": 80\n    }\n}");
    CHECK(ask(dir, {"patch:version=2.0", "patch:roundtime=500", "patch:threshold=66",
                    "patch:colour=red", "patch:version"}) ==
          Texts{"ok", "ok", "ok", "error:field", "error:argument"});
    CHECK(dir.read("../patch.cfg") ==
          "{\n    \"version\": \"2.0\",\n    \"consensus\": {\n"
          "        \"roundtime\": 500,\n        \"threshold\": 66\n    }\n}");
}

TEST_CASE("probe: what the process was given", "[sdk][contracts]") {
    const StateDir dir;
    RunSpec spec = make_spec({"context", "env", "args", "cwd", "fds"}, dir);
    spec.args = {"one", "", "\"three\""};
    spec.environment = {"B=2", "A=1 x"};
    const RunOutcome run = run_process(spec);
    const Texts frames = run.messages(make_key(1));
    REQUIRE(frames.size() == 5);
    CHECK(frames[0] == run.document);
    CHECK(frames[1] == "B=2\nA=1 x");
    CHECK(frames[2] == std::string(HP_PROBE_CONTRACT) + "\none\n\n\"three\"");
    CHECK(frames[3] == dir.path());
    CHECK_THAT(frames[4], StartsWith("0 ") && Contains("\n1 pipe:") && Contains("memfd:inputs") &&
                              Contains("socket:"));
    std::size_t lines = 1;
    for (const char c : frames[4])
        lines += c == '\n' ? 1 : 0;
    CHECK(lines == 3 + 4); // the streams, and user, NPL, control, inputs: nothing leaks
    CHECK(ask({"env"}) == Texts{""});
}

TEST_CASE("probe: channels", "[sdk][contracts]") {
    CHECK(ask({"memfdwrite"}) == Texts{"write=EPERM ftruncate=EPERM mmap=EPERM reopened=EPERM"});
    const StateDir dir;
    RunSpec open = make_spec({"memfdwrite"}, dir);
    open.seal_inputs = false;
    CHECK(run_process(open).messages(make_key(1)) ==
          Texts{"write=ok ftruncate=ok mmap=ok reopened=ok"});

    RunSpec npl = make_spec({"npl:hi"}, dir);
    npl.npl_packets = {make_key(5), "from five"};
    CHECK(run_process(npl).messages(make_key(1)) ==
          Texts{make_key(5) + ":from five\n" + node_key() + ":hi"});
    npl.readonly = true;
    npl.npl_packets.clear();
    CHECK(run_process(npl).messages(make_key(1)) == Texts{"error:ENOTCONN"});
}

TEST_CASE("probe: probes in probes", "[sdk][contracts]") {
    const StateDir dir;
    CHECK(ask(dir, {"each:echo:a\x1enone\x1e\x1emulti:2"}) == Texts{"a", "", "1", "2"});
    CHECK(ask(dir, {"save:../out.txt=each:echo:a\x1emulti:2", "echo:b", "save:=echo:c"}) ==
          Texts{"ok", "b", "error:argument"});
    CHECK(dir.read("../out.txt") == "a\n1\n2\n");
    CHECK(dir.list().empty());
}

TEST_CASE("probe: inputs by position and mapping", "[sdk][contracts]") {
    const Texts frames =
        ask({"inputs:\xc3\xa9", "ignore:x", std::string("mapped:\0\xff", 9), "count"});
    REQUIRE(frames.size() == 3);
    CHECK(frames[0] == "0 9 696e707574733ac3a9 00\n4096 8 69676e6f72653a78 00\n"
                       "8192 9 6d61707065643a00ff 00\n12288 5 636f756e74 00");
    CHECK_THAT(frames[1], Contains("\ninputs:\xc3\xa9\nignore:x\nmapped:\ncount"));
    CHECK_THAT(frames[2], StartsWith("4 "));
}

TEST_CASE("probe: paced messages", "[sdk][contracts]") {
    const Texts expected = {"1....", "2....", "3...."};
    CHECK(ask({"paced:3:5:0"}) == expected);
    CHECK(ask({"paced:3:5:2"}) == expected);
    CHECK(ask({"paced:3:5", "paced:3", "paced:x:5:0"}) == Texts(3, "error:argument"));
}

TEST_CASE("probe: scripts, directories, waiting", "[sdk][contracts]") {
    const StateDir dir;
    dir.write("../gate", "");
    CHECK(ask(dir, {"script:a.sh=#!/bin/sh\nexit 3\n", "mkdir:d", "mkdir:d", "remove:d",
                    "remove:none", "await:../gate"}) ==
          Texts{"ok", "ok", "error:EEXIST", "error:EISDIR", "error:ENOENT", "awaited"});
    CHECK(dir.read("a.sh") == "#!/bin/sh\nexit 3\n");
    CHECK(::access((dir.path() + "/a.sh").c_str(), X_OK) == 0);
    dir.write("../patch.cfg", "old and longer");
    CHECK(ask(dir, {"patchrename:new"}) == Texts{"ok"});
    CHECK(dir.read("../patch.cfg") == "new");
    CHECK(!dir.read("../patch.tmp"));
}

TEST_CASE("probe: attempts to write", "[sdk][contracts]") {
    const StateDir dir;
    dir.write("file", "content");
    const Texts frames = ask(dir, {"tamper:" + dir.path() + "/file"});
    REQUIRE(frames.size() == 1);
    for (const char* name : {"write", "append", "truncate", "create", "mkdir", "link", "rename"})
        CHECK_THAT(frames[0], Contains(std::string("\n") + name + "=ok") ||
                                  StartsWith(std::string(name) + "=ok"));
    CHECK_THAT(frames[0], Contains("\nunlink=ENOENT")); // renamed before
    for (const Texts& answer : {ask({"tamper:/proc/version"}), ask({"tamper:/proc/none"})})
        CHECK_THAT(answer.at(0), !Contains("create=ok") && !Contains("mkdir=ok"));
}

TEST_CASE("probe: limits", "[sdk][contracts]") {
    CHECK(ask({"openfiles:3", "alloc:1", "alloc:x"}) == Texts{"3 ok", "ok", "error:argument"});
    const StateDir dir;
    RunSpec spec = make_spec({"echo:x", "spin"}, dir);
    spec.timeout_ms = 200;
    CHECK(run_process(spec).timed_out);
}

TEST_CASE("probe: raw NPL and control", "[sdk][contracts]") {
    CHECK(ask({"nplraw:hi"}) == Texts{"66 " + node_key() + "\n2 hi"});
    CHECK(ask({"nplsize:131072", "nplmany:20:same", "nplflood:3:1000"}) ==
          Texts{"131072 same", "20 20", "3"});
    const StateDir dir;
    RunSpec spec = make_spec({"control:{\"type\":\"x\"}"}, dir);
    RunOutcome run = run_process(spec);
    CHECK(run.messages(make_key(1)) == Texts{"ok"});
    REQUIRE(!run.control.empty());
    CHECK(run.control[0] == "{\"type\":\"x\"}");
    spec = make_spec({"nplraw:hi", "nplsize:5"}, dir);
    spec.readonly = true;
    run = run_process(spec);
    CHECK(run.messages(make_key(1)) == Texts(2, "error:EBADF"));
}
