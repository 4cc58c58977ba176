// SPDX-License-Identifier: Apache-2.0
// The status document and the text made of it.
#include "node/status.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace hp;
using nlohmann::json;
using node::StatusReport;

namespace {

StatusReport full_report() {
    StatusReport out;
    out.pid = 4711;
    out.uptime_ms = 3'723'000;
    out.directory = "/srv/node";
    out.key.data.fill(0x11);
    out.key.data[0] = key_prefix;
    out.contract_id = "8ee1c29a-c33f-435e-baf5-368466536c80";
    out.contract_version = "2.0";
    out.role = config::Role::observer;
    out.ledger.seq = 5021;
    out.ledger.hash.data.fill(0xab);
    out.ledger_age_ms = 1234;
    out.vote_status = proto::VoteStatus::synced;
    out.unl = 3;
    out.attempt = 2;
    out.members_heard = 3;
    out.inputs_waiting = 7;
    out.committed_by = {out.key};
    out.failed_attempts = 5;
    out.eager = true;
    out.roundtime_ms = 2000;
    out.users = 12;
    out.user_port = 8081;
    out.running = 5021;
    out.state_hash.data.fill(0xcd);

    node::RunRecord run;
    run.seq = 5020;
    run.end = contract::RunEnd::signaled;
    run.code = 11;
    run.stats.wall_us = 2'500'000;
    run.stats.cpu_us = 1'500'999;
    run.stats.max_rss_kib = 4096;
    run.stats.input_bytes = 10;
    run.stats.output_bytes = 20;
    run.outputs = 3;
    run.budget_us = 2'000'000;
    run.void_reason = "bytes \xff\x1b[31m";
    out.runs.add(run);
    out.runs.add_dropped_read();
    out.rejected_patch = node::RejectedPatch{5019, "unl: must name at least one node", 4};
    out.known_peers = {{"a.example", 22860}, {"10.0.0.1", 1}};
    out.protection = {"strict", "read-only mount"};
    return out;
}

} // namespace

TEST_CASE("the status is one JSON document with a schema", "[node]") {
    const std::string text = node::encode_status(full_report());
    REQUIRE(text.ends_with("}\n"));
    CHECK(text.find('\n') == text.size() - 1);
    const json status = json::parse(text, nullptr, false);
    REQUIRE(status.is_object());
    CHECK(status["schema"] == "hp.node.status/1");
    CHECK(status["ok"] == true);
    CHECK(status["pid"] == 4711);
    CHECK(status["role"] == "observer");
    CHECK(status["ledger"]["seq"] == 5021);
    CHECK(status["ledger"]["age_ms"] == 1234);
    CHECK(status["consensus"]["pace"] == "eager");
    CHECK(status["consensus"]["attempt"] == 2);
    CHECK(status["consensus"]["members_heard"] == 3);
    CHECK(status["consensus"]["inputs_waiting"] == 7);
    CHECK(status["consensus"]["committed_by"].size() == 1);
    CHECK(status["consensus"]["failed_attempts"] == 5);
    CHECK(status["consensus"]["can_close_ledgers"] == true);
    CHECK(status["consensus"]["suspended"].is_null());
    CHECK(status["users"]["port"] == 8081);
    CHECK(status["peers"]["known"] == json({"a.example:22860", "10.0.0.1:1"}));
    const json& contract = status["contract"];
    CHECK(contract["running"] == 5021);
    CHECK(contract["state_root"].get<std::string>().substr(0, 4) == "cdcd");
    CHECK(contract["rejected_patch"] ==
          json({{"ledger", 5019}, {"problem", "unl: must name at least one node"}, {"count", 4}}));
    CHECK(contract["sandbox"] == "strict");
    CHECK(contract["reads"]["dropped"] == 1);
    CHECK(contract["since_start"]["signaled"] == 1);
    const json& run = contract["last_run"];
    CHECK(run["end"] == "signaled");
    CHECK(run["code"] == 11);
    CHECK(run["what"] == "killed by signal 11 (SIGSEGV)");
    CHECK(run["wall_ms"] == 2500);
    CHECK(run["cpu_ms"] == 1500);
    CHECK(run["over_budget"] == true);
    CHECK(run["budget_ms"] == 2000);
    CHECK(run["void"] == true);
}

TEST_CASE("nothing that is not there is made up", "[node]") {
    const json status = json::parse(node::encode_status(StatusReport{}), nullptr, false);
    REQUIRE(status.is_object());
    CHECK(status["ledger"].is_null());
    CHECK(status["contract"]["last_run"].is_null());
    CHECK(status["contract"]["running"].is_null());
    CHECK(status["contract"]["rejected_patch"].is_null());
    CHECK(status["peers"]["known"] == json::array());
    const auto shown = node::render_status(node::encode_status(StatusReport{}));
    REQUIRE(shown);
    CHECK_THAT(*shown, Catch::Contains("none yet") && Catch::Contains("not listening") &&
                           Catch::Contains("none known"));
    CHECK_THAT(*shown, !Catch::Contains("last run"));
}

TEST_CASE("people see the same, aligned, and nothing that moves their cursor", "[node]") {
    const auto shown = node::render_status(node::encode_status(full_report()));
    REQUIRE(shown);
    CHECK_THAT(*shown, Catch::Contains("4711, up 1 h 2 min, in /srv/node"));
    CHECK_THAT(*shown, Catch::Contains("last run    ledger 5020: killed by signal 11 (SIGSEGV), "
                                       "2500 ms, CPU 1500 ms, RSS 4096 KiB"));
    CHECK_THAT(*shown, Catch::Contains("over its budget of 2000 ms"));
    CHECK_THAT(*shown, Catch::Contains("ledger 5019 is not in force: unl: must name"));
    CHECK_THAT(*shown, Catch::Contains("a.example:22860 10.0.0.1:1"));
    CHECK(shown->find('\x1b') == std::string::npos);
    std::size_t begin = 0;
    while (begin < shown->size()) {
        const std::size_t end = shown->find('\n', begin);
        REQUIRE(end != std::string::npos);
        const std::string line = shown->substr(begin, end - begin);
        INFO(line);
        CHECK(line.size() > 12);
        CHECK(line[11] == ' ');
        CHECK(line[12] != ' ');
        begin = end + 1;
    }
}

TEST_CASE("a reason why no ledger can close is not overlooked", "[node]") {
    StatusReport report = full_report();
    report.no_quorum = "the UNL has 5 members";
    const std::string text = node::encode_status(report);
    CHECK(json::parse(text)["consensus"]["can_close_ledgers"] == false);
    CHECK_THAT(*node::render_status(text),
               Catch::Contains("no ledger can close: the UNL has 5 members"));
}

TEST_CASE("answers of other programs and other versions", "[node]") {
    for (const char* text : {"", "{", "[]", "null", "{}", "{\"schema\":\"hp.node.status/2\"}",
                             "{\"schema\":5}", "\xff"}) {
        INFO(text);
        CHECK_FALSE(node::render_status(text));
    }
    // The right schema with anything in it is shown as far as possible.
    CHECK(node::render_status(R"({"schema":"hp.node.status/1"})"));
    json status = json::parse(node::encode_status(full_report()));
    for (const char* pointer : {"/ledger", "/consensus", "/contract", "/contract/last_run",
                                "/contract/reads", "/users", "/users/port", "/peers",
                                "/peers/known", "/pid", "/uptime_ms", "/contract/rejected_patch"}) {
        for (const json& wrong : {json(), json(5), json("text"), json::array({1}), json(true),
                                  json::object(), json(1.5)}) {
            json changed = status;
            changed[json::json_pointer(pointer)] = wrong;
            INFO(changed.dump());
            CHECK(node::render_status(changed.dump()));
        }
    }
}

TEST_CASE("a suspended node says why", "[node]") {
    StatusReport report = full_report();
    report.suspended = "the disk is nearly full";
    const std::string text = node::encode_status(report);
    const json status = json::parse(text, nullptr, false);
    CHECK(status["consensus"]["suspended"] == "the disk is nearly full");
    const auto shown = node::render_status(text);
    REQUIRE(shown);
    CHECK_THAT(*shown,
               Catch::Contains("!           takes no part in consensus: the disk is nearly full"));
}
