// SPDX-License-Identifier: Apache-2.0
//
// The contracts that ship with the SDK: the echo example and the C++ starter template.
//
// Threads: one.
#include "fixtures.hpp"

#include <filesystem>

#include <catch2/catch.hpp>
#include <sys/stat.h>

using namespace hp::test;
using Catch::Matchers::Contains;

namespace {

using Texts = std::vector<std::string>;

Texts ask_starter(const StateDir& dir, Texts inputs, bool readonly = false) {
    RunSpec spec;
    spec.program = HP_STARTER_CONTRACT;
    spec.directory = dir.path();
    spec.users = {{make_key(1), std::move(inputs)}};
    spec.readonly = readonly;
    const RunOutcome run = run_process(spec);
    CHECK(run.err.empty());
    CHECK(run.exit_code == 0);
    return run.messages(make_key(1));
}

} // namespace

TEST_CASE("echo: every input comes back to its user, in both modes", "[sdk][contracts]") {
    RunSpec spec;
    spec.program = HP_ECHO_CONTRACT;
    spec.users = {{make_key(1), {"a", "", "b"}}, {make_key(2), {}}, {make_key(3), {"c"}}};
    const RunOutcome run = run_process(spec);
    CHECK(run.exit_code == 0);
    CHECK(run.out.empty());
    for (const TestUser& user : spec.users)
        CHECK(run.messages(user.key_hex) == user.inputs);

    spec.readonly = true;
    spec.users = {{make_key(1), {std::string("\0\xff\x01", 3)}}};
    CHECK(run_process(spec).messages(make_key(1)) == spec.users[0].inputs);
}

TEST_CASE("starter: state goes from run to run", "[sdk][contracts]") {
    const StateDir dir;
    CHECK(ask_starter(dir, {"get"}) == Texts{R"({"total":0,"text":""})"});
    CHECK(dir.list().empty());
    CHECK(ask_starter(dir, {"add 5", "add -7", "set h\"i", "get"}) ==
          Texts{R"({"total":5,"text":""})", R"({"total":-2,"text":""})",
                R"({"total":-2,"text":"h\"i"})", R"({"total":-2,"text":"h\"i"})"});
    CHECK(ask_starter(dir, {"get"}, true) == Texts{R"({"total":-2,"text":"h\"i"})"});
    CHECK(dir.list() == "text.txt total.txt");
    CHECK(dir.read("total.txt") == "-2");
    CHECK(dir.read("text.txt") == "h\"i");
    CHECK(ask_starter(dir, {"set "}) == Texts{R"({"total":-2,"text":""})"});
    CHECK(dir.read("text.txt") == "");
}

TEST_CASE("starter: users share the state, in order", "[sdk][contracts]") {
    const StateDir dir;
    RunSpec spec;
    spec.program = HP_STARTER_CONTRACT;
    spec.directory = dir.path();
    spec.users = {{make_key(1), {"add 1"}}, {make_key(2), {"add 10", "get"}}, {make_key(3), {}}};
    const RunOutcome run = run_process(spec);
    CHECK(run.messages(make_key(1)) == Texts{R"({"total":1,"text":""})"});
    CHECK(run.messages(make_key(2)) ==
          Texts{R"({"total":11,"text":""})", R"({"total":11,"text":""})"});
    CHECK(run.outputs.count(make_key(3)) == 1);
    CHECK(run.outputs.at(make_key(3)).empty());
}

TEST_CASE("starter: bad requests change nothing", "[sdk][contracts]") {
    const StateDir dir;
    const std::string unknown = R"({"error":"unknown request; try get, add N or set TEXT"})";
    const std::string number = R"({"error":"add needs a whole number"})";
    CHECK(ask_starter(dir,
                      {"", "add", "mul 3", " get", "add five", "add 5 ", "add 1.5",
                       "add 9223372036854775808", "set \xff", "set " + std::string(1025, 'x')}) ==
          Texts{unknown, unknown, unknown, unknown, number, number, number, number,
                R"({"error":"text is not UTF-8"})",
                R"({"error":"text is longer than 1024 bytes"})"});
    CHECK(ask_starter(dir, {"add 9223372036854775807", "add 1", "add -1"})[1] ==
          R"({"error":"the total would be out of range"})");
    CHECK(dir.read("total.txt") == "9223372036854775806");
    CHECK_THAT(ask_starter(dir, {"add 1"}, true)[0],
               Contains("a read request cannot change state"));
    CHECK_THAT(ask_starter(dir, {"set x"}, true)[0],
               Contains("a read request cannot change state"));
    CHECK(dir.list() == "total.txt");
}

TEST_CASE("starter: files are replaced, never rewritten, with a fixed mode", "[sdk][contracts]") {
    const StateDir dir;
    RunSpec spec;
    spec.program = HP_STARTER_CONTRACT;
    spec.directory = dir.path();
    spec.users = {{make_key(1), {"add 1"}}};
    spec.umask = 077; // of a careless node
    CHECK(run_process(spec).exit_code == 0);
    const std::string file = dir.path() + "/total.txt";
    struct stat before {};
    REQUIRE(::stat(file.c_str(), &before) == 0);
    CHECK((before.st_mode & 07777U) == 0644);

    std::filesystem::create_hard_link(file, dir.path() + "/old");
    dir.write("total.txt.tmp", "left over by a run that was killed");
    ask_starter(dir, {"add 1"});
    CHECK(dir.read("old") == "1"); // writing in place would have changed this too
    CHECK(dir.read("total.txt") == "2");
    CHECK(dir.list() == "old total.txt");
}

TEST_CASE("starter: a damaged state stops the contract before it answers", "[sdk][contracts]") {
    const StateDir dir;
    dir.write("total.txt", "12x");
    RunSpec spec;
    spec.program = HP_STARTER_CONTRACT;
    spec.directory = dir.path();
    spec.users = {{make_key(1), {"get"}}};
    const RunOutcome run = run_process(spec);
    CHECK(run.exit_code == 1);
    CHECK_THAT(run.err, Contains("total.txt does not hold a number"));
    CHECK(run.outputs.at(make_key(1)).empty());
}
