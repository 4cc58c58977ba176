// SPDX-License-Identifier: Apache-2.0
//
// One run from handler to exit: exit codes, NPL, control messages, random numbers, descriptors.
//
// Threads: one.
#include "fixtures.hpp"

#include <catch2/catch.hpp>

using namespace hp::test;
using Catch::Matchers::Contains;

namespace {

const std::string end_message = R"({"type":"contract_end"})";

RunOutcome run_mode(std::string mode, bool readonly = false) {
    RunSpec spec;
    spec.program = HP_SDK_CHILD;
    spec.args = {std::move(mode)};
    spec.users = {{make_key(1), {"x"}}};
    spec.readonly = readonly;
    return run_process(spec);
}

} // namespace

TEST_CASE("sdk: a handler that throws gives exit code 1 and keeps what was sent", "[sdk]") {
    const RunOutcome run = run_mode("throw_error");
    CHECK(run.exit_code == 1);
    CHECK_THAT(run.err, Contains("the handler failed: disk on fire"));
    CHECK(run.messages(make_key(1)) == std::vector<std::string>{"before"});
    CHECK(run.control == std::vector<std::string>{end_message});

    const RunOutcome number = run_mode("throw_number");
    CHECK(number.exit_code == 1);
    CHECK_THAT(number.err, Contains("no std::exception"));
}

TEST_CASE("sdk: every run ends with contract_end, once", "[sdk]") {
    for (const bool readonly : {false, true})
        CHECK(run_mode("dump", readonly).control == std::vector<std::string>{end_message});
}

TEST_CASE("sdk: channels are closed on exec", "[sdk]") {
    CHECK(run_mode("close_on_exec").out == "marked=4\n");
    CHECK(run_mode("close_on_exec", true).out == "marked=3\n");
}

TEST_CASE("sdk: NPL messages come back with their sender", "[sdk]") {
    const RunOutcome run = run_mode("npl_exchange");
    const std::string from_self = "status=message\nsender=" + node_key() + "\nself=true\n";
    const std::string timeout = "status=timeout\nerror=none\n";
    CHECK(run.out == "send=none\n" + from_self + "bytes=11\ndata=hello nodes\n" + "largest=none\n" +
                         from_self +
                         "bytes=131072\ndata=abcdefghijklmnopqrstuvwabcdefghijklmnopq\n" +
                         "empty=invalid_argument\ntoo_long=message_size\n" + timeout +
                         "waited=long enough\n" + timeout + timeout);
    REQUIRE(run.npl.size() == 2);
    CHECK(run.npl[0] == "hello nodes");
    CHECK(run.npl[1].size() == 131072);
}

TEST_CASE("sdk: NPL keeps pairs together and ends cleanly", "[sdk]") {
    RunSpec spec;
    spec.program = HP_SDK_CHILD;
    spec.args = {"npl_receive"};
    const std::string peer = make_key(77);

    spec.npl_packets = {peer, "one", peer, "two", peer}; // the last half pair never completes
    CHECK(run_process(spec).out ==
          "status=message\nsender=" + peer + "\nself=false\nbytes=3\ndata=one\n" +
              "status=message\nsender=" + peer + "\nself=false\nbytes=3\ndata=two\n" +
              "status=timeout\nerror=none\nstatus=timeout\nerror=none\nsend=none\n");

    spec.npl_packets = {peer, "last words"};
    spec.npl_close_early = true;
    CHECK(run_process(spec).out ==
          "status=message\nsender=" + peer + "\nself=false\nbytes=10\ndata=last words\n" +
              "status=closed\nerror=none\nstatus=closed\nerror=none\nstatus=closed\nerror=none\n" +
              "send=broken_pipe\n");

    spec.npl_packets = {"not a key", peer, "fine"};
    CHECK_THAT(run_process(spec).out,
               Contains("status=failed\nerror=protocol_error\nstatus=message\n"));
}

TEST_CASE("sdk: NPL is not there in read-only mode", "[sdk]") {
    std::string expected;
    for (int i = 0; i < 4; ++i)
        expected += "status=closed\nerror=none\n";
    CHECK(run_mode("npl_receive", true).out == expected + "send=not_connected\n");
}

TEST_CASE("sdk: peer changes", "[sdk]") {
    const RunOutcome run = run_mode("peers");
    std::string refused;
    for (int i = 0; i < 13; ++i)
        refused += "bad_add=invalid_argument\nbad_remove=invalid_argument\n"
                   "bad_replace=invalid_argument\n";
    CHECK(run.out == "update=none\nnothing=none\nreplace=none\n" + refused +
                         "too_long=message_size\nend=none\n");
    CHECK(run.control ==
          std::vector<std::string>{
              R"({"type":"peer_changeset","add":["10.0.0.1:22860","node.example:1"],)"
              R"("remove":["10.0.0.9:65535"]})",
              R"({"type":"peer_changeset","add":[],"remove":[]})",
              R"({"type":"peer_changeset","add":["10.0.0.9:65535"],"remove":"*"})", end_message});
}

TEST_CASE("sdk: random numbers follow from the ledger hash", "[sdk]") {
    const std::string first = run_mode("rng").out;
    CHECK(first == run_mode("rng").out);
    CHECK_THAT(first, Contains("raw=") && Contains("die=") && Contains("zero=0\n"));
    CHECK(first != run_mode("rng", true).out);
}
