// SPDX-License-Identifier: Apache-2.0
// Scenario files: what they say, and every mistake with its place.
#include <catch2/catch.hpp>

#include "scenario/scenario.hpp"

namespace hp::dev {
namespace {

using Kind = ScenarioExpect::Kind;

std::vector<std::string> problems_of(const std::string& text) {
    const auto out = parse_scenario("name = \"x\"\n" + text, "x.toml", "/nowhere");
    std::vector<std::string> lines;
    if (!out) {
        for (const auto& [where, what] : out.error().detail) {
            lines.push_back(where.substr(0, where.find(',')) + ": " + what);
        }
    }
    return lines;
}

Scenario scenario_of(const std::string& text) {
    INFO(text);
    const auto out = parse_scenario("name = \"x\"\n" + text, "x.toml", "/nowhere");
    REQUIRE(out);
    return *out;
}

TEST_CASE("a scenario is read as it is written", "[dev]") {
    const Scenario out = scenario_of(R"(
[cluster]
nodes = 5
observers = 1
roundtime = "300ms"
threshold = 66
contract = "bundle"
[load]
input = "hello"
rate = 7
users = 3
[[step]]
at = "ledger 5"
do = "partition 1,2 / 3,4,5 for 4s"
[[step]]
at = "+2 ledgers"
expect = "no ledger closes on 1,2"
within = "3s"
[[step]]
at = "1500ms"
do = "heal"
[[step]]
at = "+2s"
do = "restart 2"
[[expect]]
that = "nodes 1-3 synced"
within = "4 ledgers"
)");
    CHECK((out.nodes == 5 && out.observers == 1 && out.roundtime_ms == 300));
    CHECK((out.threshold == 66 && out.contract == "bundle"));
    CHECK((out.load.input == "hello" && out.load.rate == 7 && out.load.users == 3));
    REQUIRE(out.steps.size() == 5);
    CHECK(out.steps[0].words.size() == 4);
    CHECK(out.steps[0].for_ms == 4000);
    CHECK(out.steps[0].line == 15);
    CHECK((out.steps[0].at.ledgers && !out.steps[0].at.relative && out.steps[0].at.value == 5));
    CHECK((out.steps[1].at.ledgers && out.steps[1].at.relative && out.steps[1].at.value == 2));
    REQUIRE(out.steps[1].expect);
    CHECK(out.steps[1].expect->kind == Kind::quiet);
    CHECK(out.steps[1].expect->nodes == "1,2");
    CHECK(out.steps[1].expect->within.value == 3000);
    CHECK((!out.steps[2].at.ledgers && !out.steps[2].at.relative && out.steps[2].at.value == 1500));
    CHECK((!out.steps[3].at.ledgers && out.steps[3].at.relative && out.steps[3].at.value == 2000));
    REQUIRE(out.steps[4].expect);
    CHECK(out.steps[4].expect->kind == Kind::synced);
    CHECK(out.steps[4].expect->nodes == "1-3");
    CHECK((out.steps[4].expect->within.ledgers && out.steps[4].expect->within.value == 4));
}

TEST_CASE("every expectation has its words", "[dev]") {
    for (const auto& [text, kind] : {std::pair<std::string, Kind>{"all nodes synced", Kind::synced},
                                     {"state hashes equal", Kind::equal_states},
                                     {"ledgers close", Kind::closes},
                                     {"ledgers close on 1", Kind::closes},
                                     {"no ledger closes", Kind::quiet},
                                     {"as predicted", Kind::predicted},
                                     {"node 2 failed", Kind::node_state}}) {
        const Scenario out = scenario_of("[[expect]]\nthat = \"" + text + "\"\n");
        REQUIRE(out.steps.size() == 1);
        CHECK(out.steps[0].expect->kind == kind);
    }
}

TEST_CASE("all mistakes of a scenario are shown, with their lines", "[dev]") {
    CHECK(problems_of("[[step]]\nat = \"soon\"\ndo = \"heal 1\"\n").size() == 2);
    CHECK(problems_of("[[step]]\nat = \"1s\"\n") ==
          std::vector<std::string>{"line 2: [[step]] needs either \"do\" or \"expect\""});
    CHECK(problems_of("[[step]]\ndo = \"kill 1\"\nexpect = \"as predicted\"\n").size() == 1);
    CHECK(problems_of("[load]\nrate = 2\n") ==
          std::vector<std::string>{"line 2: [load] needs either \"script\" or \"input\""});
    CHECK(problems_of("[load]\nscript = \"none.hps\"\n") ==
          std::vector<std::string>{"line 3: there is no file none.hps"});
    CHECK(problems_of("[[step]]\ndo = \"heal for 3s\"\n") ==
          std::vector<std::string>{"line 3: \"do\": only faults can be for a time"});
    CHECK(problems_of("[[step]]\ndo = \"kill 1\"\nwithin = \"3s\"\n") ==
          std::vector<std::string>{"line 4: \"within\" belongs to \"expect\""});
    CHECK(problems_of("[[expect]]\nthat = \"every input had one fate\"\n").size() == 1);
    CHECK(problems_of("[[expect]]\nthat = \"no ledger closes\"\nwithin = \"3 ledgers\"\n").size() ==
          1);
    CHECK(problems_of("[[expect]]\nwithin = \"3s\"\n").size() == 2); // nothing to be within
    CHECK(problems_of("[[stop]]\ndo = \"heal\"\n") ==
          std::vector<std::string>{
              "line 2: unknown key \"stop\" in the scenario; did you mean \"step\"?"});
}

} // namespace
} // namespace hp::dev
