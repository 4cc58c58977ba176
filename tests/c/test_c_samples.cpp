// SPDX-License-Identifier: Apache-2.0
//
// Contracts in the style of the published samples, compiled as strict C99.
//
// Threads: one.
#include "c_run.hpp"

#include <sys/stat.h>

using namespace hp::test;
using Catch::Matchers::Contains;

namespace {

RunSpec make_spec(const char* program, const StateDir& dir, Strings inputs) {
    RunSpec spec;
    spec.program = program;
    spec.directory = dir.path();
    spec.users = {{make_key(1), std::move(inputs)}};
    return spec;
}

Strings ask(const RunSpec& spec) {
    const RunOutcome run = run_process(spec);
    CHECK(run.err.empty());
    CHECK(run.exit_code == 0);
    CHECK(run.control.back() == R"({"type":"contract_end"})");
    return split_messages(run.outputs.at(make_key(1)));
}

} // namespace

TEST_CASE("sample: echo, state and queries in both modes", "[c]") {
    const StateDir dir;
    CHECK(ask(make_spec(HP_SAMPLE_CONTRACT, dir, {"a", "ts", "ts and more"})) ==
          Strings{"Echoing: a", "ts:1795212533671\n", "Echoing: ts and more"});
    ask(make_spec(HP_SAMPLE_CONTRACT, dir, {}));
    CHECK(dir.read("exects.txt").value_or("") == "ts:1795212533671\nts:1795212533671\n");

    RunSpec spec = make_spec(HP_SAMPLE_CONTRACT, dir, {"ts"});
    spec.readonly = true;
    CHECK(ask(spec) == Strings{"ts:1795212533671\nts:1795212533671\n"});
    CHECK(dir.list() == "exects.txt");
}

TEST_CASE("sample: an input file of nothing but empty inputs", "[c]") {
    const StateDir dir;
    CHECK(ask(make_spec(HP_SAMPLE_CONTRACT, dir, {""})) == Strings{"Echoing: "});
    CHECK(ask(make_spec(HP_SAMPLE_CONTRACT, dir, {"", ""})) == Strings{"Echoing: ", "Echoing: "});
    const std::string page(4096, 'p');
    CHECK(ask(make_spec(HP_SAMPLE_CONTRACT, dir, {page, ""})) ==
          Strings{"Echoing: " + page, "Echoing: "});
}

TEST_CASE("sample: a hundred users with thousands of inputs", "[c]") {
    const StateDir dir;
    RunSpec spec = make_spec(HP_SAMPLE_CONTRACT, dir, {});
    spec.stdin_from_pipe = GENERATE(false, true);
    spec.users.clear();
    for (unsigned user = 0; user < 100; ++user) {
        TestUser& test_user = spec.users.emplace_back(TestUser{make_key(user), {}});
        for (int input = 0; input < 60; ++input)
            test_user.inputs.push_back(std::to_string(user) + " " + std::to_string(input));
    }
    const RunOutcome run = run_process(spec);
    CHECK(run.document.size() > 65536); // more than a pipe holds
    CHECK(run.exit_code == 0);
    for (const TestUser& user : spec.users) {
        Strings expected;
        for (const std::string& input : user.inputs)
            expected.push_back("Echoing: " + input);
        CHECK(split_messages(run.outputs.at(user.key_hex)) == expected);
    }
}

TEST_CASE("npl: the nodes agree on the largest number", "[c]") {
    const StateDir dir;
    RunSpec spec = make_spec(HP_NPL_CONTRACT, dir, {});
    spec.args = {"40", "3"};
    spec.npl_packets = {make_key(1), "7", make_key(2), "1000"};
    CHECK(ask(spec) == Strings{"1000 of 3"});

    spec.npl_packets.clear();
    spec.args.clear(); // a random number, from as many nodes as the UNL has
    const RunOutcome run = run_process(spec);
    REQUIRE(run.npl.size() == 1);
    CHECK(split_messages(run.outputs.at(make_key(1))) == Strings{run.npl[0] + " of 1"});
}

TEST_CASE("npl: the node ends the channel early", "[c]") {
    const StateDir dir;
    RunSpec spec = make_spec(HP_NPL_CONTRACT, dir, {});
    spec.args = {"40", "9"};
    spec.npl_packets = {make_key(1), "7"};
    spec.npl_close_early = true;
    const RunOutcome run = run_process(spec);
    CHECK(run.signal == 0);
    CHECK(run.exit_code == 2); // its own message did not go out
}

TEST_CASE("governance: UNL, arguments, version, peers and script", "[c]") {
    const StateDir dir;
    dir.write("../patch.cfg", plain_patch());
    const std::string key = make_key(77);
    RunSpec spec = make_spec(HP_GOVERNANCE_CONTRACT, dir,
                             {"show", "unl " + key, "args -v two", "version 2.0", "show",
                              "unl " + key, "unl ed00", "peers new.host:22861 old.host:1",
                              "peers nonsense *", "script echo done", "peers new.host:22861 *"});
    const RunOutcome run = run_process(spec);
    CHECK(split_messages(run.outputs.at(make_key(1))) ==
          Strings{"version 1.0, 1 nodes, args ", "ok", "ok", "ok",
                  "version 2.0, 2 nodes, args -v two", "refused", "refused", "ok", "refused", "ok",
                  "ok"});
    CHECK(run.control ==
          Strings{R"({"type":"peer_changeset","add":["new.host:22861"],"remove":["old.host:1"]})",
                  R"({"type":"peer_changeset","add":["new.host:22861"],"remove":"*"})",
                  R"({"type":"contract_end"})"});
    CHECK_THAT(run.err, Contains("a key of unl appears twice"));
    CHECK_THAT(run.err, Contains("a key of unl is not 66 hex digits"));
    std::string expected = replaced(plain_patch(), "\"1.0\"", "\"2.0\"");
    expected = replaced(expected, "\"bin_args\": \"\"", "\"bin_args\": \"-v two\"");
    expected = replaced(expected, "\"" + node_key() + "\"",
                        key < node_key() ? "\"" + key + "\",\n        \"" + node_key() + "\""
                                         : "\"" + node_key() + "\",\n        \"" + key + "\"");
    CHECK(dir.read("../patch.cfg").value_or("") == expected);
    CHECK(dir.read("post_exec.sh").value_or("") == "#!/bin/sh\necho done\n");
    struct stat script {};
    REQUIRE(::stat((dir.path() + "/post_exec.sh").c_str(), &script) == 0);
    CHECK((script.st_mode & 0777U) == 0755);
}
