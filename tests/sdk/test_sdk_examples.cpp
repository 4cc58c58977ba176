// SPDX-License-Identifier: Apache-2.0
//
// The examples that ship with the SDK, run in this process (upgrade also as a process, because it
// replaces its own program).
//
// Threads: one.
#include "fixtures.hpp"

#include <counter/counter.hpp>
#include <npl/dice.hpp>
#include <upgrade/upgrade.hpp>

#include <hp/contract/bson.hpp>
#include <hp/contract/config.hpp>
#include <hp/contract/files.hpp>
#include <hp/contract/json.hpp>

#include <catch2/catch.hpp>
#include <sys/stat.h>

using namespace hp::contract;
using namespace hp::test;
using Catch::Matchers::Contains;
using hp::contract::testing::make_exchange_message;

namespace {

using Texts = std::vector<std::string>;

std::string bson(const Value& value) {
    return std::string(as_text(*encode_bson(value)));
}

std::string upgrade_to(const std::string& version, const std::string& program) {
    const BytesView bytes = as_bytes(program);
    return bson(Value::Object{
        {"op", "upgrade"}, {"version", version}, {"program", Bytes(bytes.begin(), bytes.end())}});
}

/// The answer to a user's first input, as JSON for easy reading.
std::string answer_of(const hp::contract::testing::RoundOutcome& run, std::string_view user) {
    const Texts answers = run.answers(user);
    if (answers.empty())
        return "<none>";
    const auto value = decode_bson(as_bytes(answers[0]));
    return value ? encode_json(*value) : value.error().message;
}

} // namespace

TEST_CASE("counter: counts over rounds, reads do not count", "[sdk][examples]") {
    TestNode node(counter::on_run);
    CHECK(node.read("alice", "x").answers("alice") == Texts{R"({"count":0})"});
    CHECK(node.round().exit_code == 0);
    CHECK(node.state().list().empty());
    CHECK(node.round({{"alice", {"x", "y"}}}).answers("alice") ==
          Texts{R"({"count":1})", R"({"count":2})"});
    CHECK(node.round({{"bob", {"z"}}}).answers("bob") == Texts{R"({"count":3})"});
    const auto read = node.read("bob", "x");
    CHECK(read.answers("bob") == Texts{R"({"count":3})"});
    CHECK_FALSE(read.changed_files_in_read);
    CHECK(node.state().files() == std::map<std::string, std::string>{{"count.txt", "3"}});
}

TEST_CASE("counter: a damaged file ends the run before anybody is told", "[sdk][examples]") {
    TestNode node(counter::on_run);
    node.state().write("count.txt", "3x");
    const auto run = node.round({{"alice", {"x"}}});
    CHECK(run.exit_code == exit_handler_failed);
    CHECK_THAT(run.failure, Contains("count.txt does not hold a number"));
    CHECK(run.answers("alice").empty());
    CHECK(node.state().read("count.txt") == "3x");
}

TEST_CASE("dice: nodes agree on a number", "[sdk][examples]") {
    TestNode node(dice::on_run, {.unl_size = 3});
    for (const unsigned number : {2U, 3U})
        node.spec.npl_peers.push_back({TestNode::node_key(number),
                                       {make_exchange_message("bits", number == 2 ? "ff" : "ff00")},
                                       [](std::string_view message) { // votes as this node does
                                           const bool is_vote = message.substr(4, 5) == "\4vote";
                                           return is_vote ? Texts{std::string(message)} : Texts{};
                                       }});
    CHECK(node.round({{"alice", {"show"}}}).answers("alice") == Texts{R"({"number":null})"});
    const auto run = node.round({{"alice", {"roll", "show"}}});
    CHECK(run.failure.empty());
    REQUIRE(run.npl.size() == 2);
    const std::uint64_t own = std::stoull(run.npl[0].substr(9), nullptr, 16);
    const std::uint64_t number =
        std::stoull(node.state().read("number.txt").value_or(""), nullptr, 16);
    CHECK(number == (own ^ 0xffU ^ 0xff00U));
    const std::string answer = R"({"number":")" + *node.state().read("number.txt") + R"("})";
    CHECK(run.answers("alice") == Texts{answer, answer});
    CHECK(node.read("bob", "roll").answers("bob") == Texts{answer});
    CHECK(node.round({{"alice", {"show"}}}).npl.empty());
}

TEST_CASE("dice: without a quorum nothing changes", "[sdk][examples]") {
    TestNode node(dice::on_run, {.unl_size = 3, .roundtime_ms = 200});
    node.spec.npl_peers = {
        {TestNode::node_key(2), {make_exchange_message("bits", "1")}, [](std::string_view) {
             return Texts{make_exchange_message("vote", "another")};
         }}};
    const auto run = node.round({{"alice", {"roll"}}});
    CHECK(run.answers("alice") == Texts{R"({"error":"no agreement, try again"})"});
    CHECK(node.state().list().empty());
}

TEST_CASE("upgrade: the owner replaces the program and the version", "[sdk][examples]") {
    TestNode node(upgrade::on_run);
    node.state().write("contract", "old program", 0755);
    node.state().write("owner.txt", make_key("owner") + "\n");
    const std::string ask = bson(Value::Object{{"op", "version"}});
    CHECK(answer_of(node.read("bob", ask), "bob") == R"({"version":"1.0"})");

    const auto run = node.round({{"owner", {upgrade_to("2.0", "new program")}}});
    CHECK(answer_of(run, "owner") == R"({"upgraded":"2.0"})");
    CHECK(run.post_exec_exit_code == 0);
    CHECK(node.state().files() ==
          std::map<std::string, std::string>{{"contract", "new program"},
                                             {"owner.txt", make_key("owner") + "\n"}});
    struct stat info {};
    REQUIRE(::stat((node.state().path() + "/contract").c_str(), &info) == 0);
    CHECK((info.st_mode & 07777U) == 0755);
    CHECK(answer_of(node.read("bob", ask), "bob") == R"({"version":"2.0"})");
    CHECK(decode_config(*node.state().read("../patch.cfg"))->bin_path == "contract");
}

TEST_CASE("upgrade: what is refused changes nothing", "[sdk][examples]") {
    TestNode node(upgrade::on_run);
    node.state().write("owner.txt", make_key("owner"));
    const auto before = node.state().files();
    const auto patch = node.state().read("../patch.cfg");
    const auto refused = [&node](const std::string& user, const std::string& input) {
        return answer_of(node.round({{user, {input}}}), user);
    };
    CHECK(refused("bob", upgrade_to("2.0", "evil")) == R"({"error":"only the owner may do that"})");
    CHECK(refused("owner", upgrade_to("", "program")) ==
          R"({"error":"version: must not be empty"})");
    CHECK(refused("owner", upgrade_to("2.0", "")) ==
          R"({"error":"an upgrade needs a version and a program"})");
    CHECK(refused("owner", bson(Value::Object{{"op", "dance"}})) ==
          R"({"error":"unknown operation"})");
    CHECK_THAT(refused("owner", "no BSON"), Contains("offset"));
    CHECK(answer_of(node.read("owner", upgrade_to("2.0", "program")), "owner") ==
          R"({"error":"a read request cannot change the configuration"})");
    CHECK(node.state().files() == before);
    CHECK(node.state().read("../patch.cfg") == patch);
}

TEST_CASE("upgrade: a running program is replaced by another", "[sdk][examples]") {
    TestNode node(HP_UPGRADE_CONTRACT);
    const auto copy = [&node](const char* from, const char* name) {
        node.state().write(name, *read_file(from), 0755);
    };
    copy(HP_UPGRADE_CONTRACT, "contract");
    node.spec.program = "./contract";
    node.state().write("owner.txt", make_key("owner"));
    CHECK(answer_of(node.round({{"owner", {upgrade_to("2.0", *read_file(HP_ECHO_CONTRACT))}}}),
                    "owner") == R"({"upgraded":"2.0"})");
    CHECK(node.round({{"owner", {"now an echo"}}}).answers("owner") == Texts{"now an echo"});
}
