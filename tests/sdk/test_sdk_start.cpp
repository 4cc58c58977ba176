// SPDX-License-Identifier: Apache-2.0
//
// From standard input to Context: what is accepted, what is refused, and with which words.
//
// Threads: one.
#include "fixtures.hpp"

#include <array>
#include <utility>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>

using namespace hp::test;
using Catch::Matchers::Contains;

namespace {

RunOutcome run_edited(std::string_view from, std::string_view to, std::string mode = "dump") {
    RunSpec spec = make_child_spec(std::move(mode));
    spec.users = {{make_key(1), {"hello"}}};
    spec.edit_document = [from, to](std::string text) { return replaced(text, from, to); };
    return run_process(spec);
}

/// Removes `"name":value,` for a value without commas.
RunOutcome run_without(const std::string& name, bool readonly = false) {
    RunSpec spec = make_child_spec("dump");
    spec.readonly = readonly;
    spec.edit_document = [name](std::string text) {
        const std::size_t at = text.find("\"" + name + "\":");
        REQUIRE(at != std::string::npos);
        return text.erase(at, text.find(',', at) + 1 - at);
    };
    return run_process(spec);
}

RunOutcome run_document(const std::string& document) {
    RunSpec spec = make_child_spec("dump");
    spec.edit_document = [document](const std::string&) { return document; };
    return run_process(spec);
}

} // namespace

TEST_CASE("sdk: consensus document reaches the context", "[sdk]") {
    RunSpec spec = make_child_spec("dump");
    spec.users = {{make_key(1), {}}, {make_key(2), {"a", "b"}}};
    const RunOutcome run = run_process(spec);
    CHECK(run.err.empty());
    CHECK(run.exit_code == 0);
    CHECK(run.out == "hp_version=0.6.4\n"
                     "contract_id=71216897-7ae3-4c4d-8c62-7b38d7f7db60\n"
                     "public_key=" +
                         node_key() +
                         "\n"
                         "public_key_byte0=237\n"
                         "public_key_byte32=239\n"
                         "private_key=" +
                         node_private_key() +
                         "\n"
                         "private_key_bytes=65\n"
                         "timestamp=1795212533671\n"
                         "time=1795212533671\n"
                         "readonly=false\n"
                         "lcl_seq_no=13\n"
                         "lcl_hash=" +
                         lcl_hash() +
                         "\n"
                         "npl=available\n"
                         "input_fd=present\n"
                         "document_bytes=" +
                         std::to_string(run.document.size()) +
                         "\n"
                         "unl=" +
                         node_key() +
                         " 1795212534477\n"
                         "user=" +
                         make_key(1) +
                         " 0\n"
                         "user=" +
                         make_key(2) + " 2\n");
}

TEST_CASE("sdk: read-only document has no ledger and no NPL", "[sdk]") {
    RunSpec spec = make_child_spec("dump");
    spec.users = {{make_key(1), {"get"}}};
    spec.readonly = true;
    const RunOutcome run = run_process(spec);
    CHECK(run.exit_code == 0);
    CHECK_THAT(run.out, Contains("timestamp=0\ntime=0\nreadonly=true\nlcl_seq_no=absent\n"
                                 "lcl_hash=absent\nnpl=absent\ninput_fd=present\n"));
    CHECK_THAT(run.out, Contains("unl=" + node_key()) && Contains("user=" + make_key(1) + " 1\n"));
}

TEST_CASE("sdk: the document may come from a pipe in pieces", "[sdk]") {
    RunSpec spec = make_child_spec("inputs");
    spec.stdin_from_pipe = true;
    spec.users = {{make_key(1), std::vector<std::string>(8000, "x")}};
    const RunOutcome run = run_process(spec);
    CHECK(run.document.size() > 65536);
    CHECK(run.out == "count=8000\nbytes=8000\n");
}

TEST_CASE("sdk: 20 000 inputs in one document", "[sdk]") {
    RunSpec spec = make_child_spec("inputs");
    spec.users = {{make_key(1), {}}, {make_key(2), {}}};
    std::size_t bytes = 0;
    for (int i = 0; i < 20000; ++i) {
        auto& inputs = spec.users[i % 3 == 0 ? 0 : 1].inputs;
        bytes += inputs.emplace_back("input number " + std::to_string(i)).size();
    }
    const RunOutcome run = run_process(spec);
    CHECK(run.exit_code == 0);
    CHECK(run.out == "count=20000\nbytes=" + std::to_string(bytes) + "\n");
    for (const TestUser& user : spec.users)
        CHECK(run.messages(user.key_hex) == user.inputs);
}

TEST_CASE("sdk: inputs of all sizes, read both ways", "[sdk]") {
    const std::string page(4096, 'p');
    RunSpec spec = make_child_spec("inputs");
    spec.users = {
        {make_key(1),
         {"", page, page + "1", std::string(3'000'000, 'L'), std::string("\0\xff\x01", 3)}},
        {make_key(2), {""}}};
    for (const bool sealed : {true, false}) {
        spec.seal_inputs = sealed;
        const RunOutcome run = run_process(spec);
        CHECK(run.out == "count=6\nbytes=3008196\n");
        for (const TestUser& user : spec.users)
            CHECK(run.messages(user.key_hex) == user.inputs);
    }
}

TEST_CASE("sdk: users and nodes are found by key", "[sdk]") {
    RunSpec spec = make_child_spec("lookup");
    spec.users = {{make_key(1), {}}, {make_key(2), {}}, {make_key(300), {}}};
    std::string found;
    for (std::size_t i = 0; i < spec.users.size(); ++i)
        found += "by_key=found\nby_hex=found\n";
    CHECK(run_process(spec).out ==
          "count=3\n" + found + "stranger=none\nnonsense=none\nown_node=found\nother_node=none\n");
}

TEST_CASE("sdk: users are listed in key order whatever the document's order", "[sdk]") {
    RunSpec spec = make_child_spec("dump");
    spec.users = {{make_key(7), {}}, {make_key(3), {"x"}}, {make_key(5), {}}};
    CHECK_THAT(run_process(spec).out, Contains("user=" + make_key(3) + " 1\nuser=" + make_key(5) +
                                               " 0\nuser=" + make_key(7) + " 0\n"));
}

TEST_CASE("sdk: unknown members are skipped", "[sdk]") {
    const RunOutcome run =
        run_edited(R"("timestamp":)",
                   R"("future":{"a":[1,-2.5e+10,0,-0.1,"\u00e9\ud83d\ude00\n",null,true,false,{}],)"
                   R"("b":{"c":[]}},)"
                   R"( "other" : [ ] , "timestamp":)");
    CHECK(run.err.empty());
    CHECK(run.exit_code == 0);
    CHECK_THAT(run.out, Contains("timestamp=1795212533671\n"));

    const RunOutcome node = run_edited(R"({"active_on":)", R"({"weight":3,"active_on":)");
    CHECK_THAT(node.out, Contains("unl=" + node_key() + " 1795212534477\n"));
    const RunOutcome silent_node = run_edited(R"({"active_on":1795212534477})", "{}");
    CHECK_THAT(silent_node.out, Contains("unl=" + node_key() + " 0\n"));
}

TEST_CASE("sdk: optional members may be missing", "[sdk]") {
    CHECK_THAT(run_without("private_key").out, Contains("private_key=absent\n"));
    CHECK_THAT(run_without("lcl_seq_no").out, Contains("lcl_seq_no=absent\n"));
    CHECK_THAT(run_without("lcl_hash").out, Contains("lcl_hash=absent\n"));
    CHECK_THAT(run_without("npl_fd").out, Contains("npl=absent\n"));
    CHECK_THAT(run_without("user_in_fd").out, Contains("input_fd=absent\n"));
    CHECK(run_without("hp_version").exit_code == 0);
    const RunOutcome no_control = run_without("control_fd", true);
    CHECK(no_control.exit_code == 0);
    CHECK(no_control.control.empty());
}

TEST_CASE("sdk: required members may not be missing", "[sdk]") {
    for (const char* name : {"contract_id", "public_key", "timestamp", "readonly"}) {
        const RunOutcome run = run_without(name);
        CHECK(run.exit_code == 2);
        CHECK(run.out.empty());
        CHECK_THAT(run.err, Contains("member \"" + std::string(name) + "\" is missing"));
    }
    CHECK_THAT(run_edited(R"("users":)", R"("people":)").err, Contains("\"users\" is missing"));
    CHECK_THAT(run_edited(R"("unl":)", R"("nodes":)").err, Contains("\"unl\" is missing"));
    CHECK_THAT(run_edited(R"("user_in_fd":)", R"("in":)").err,
               Contains("\"user_in_fd\" is missing"));
}

TEST_CASE("sdk: documents that are not JSON are refused", "[sdk]") {
    const std::string deep(70, '[');
    const std::array<std::pair<std::string, std::string>, 33> cases{{
        {"", "standard input is empty"},
        {" ", "expected an object"},
        {"[]", "expected an object"},
        {"null", "expected an object"},
        {"{", "expected a string"},
        {"{}", "is missing"},
        {"{\"a\"}", "expected ':'"},
        {"{\"a\":}", "expected a value"},
        {"{\"a\":1,}", "expected a string"},
        {"{\"a\":1 \"b\":2}", "expected ',' or '}'"},
        {"{\"a\":[1,]}", "expected a value"},
        {"{\"a\":[1 2]}", "expected ',' or ']'"},
        {"{\"a\":[1", "expected ',' or ']'"},
        {"{\"a\":01}", "leading zero"},
        {"{\"a\":00}", "leading zero"},
        {"{\"a\":+1}", "expected a value"},
        {"{\"a\":-}", "expected a value"},
        {"{\"a\":1.}", "expected a value"},
        {"{\"a\":1e}", "expected a value"},
        {"{\"a\":nul}", "unknown word"},
        {"{\"a\":'x'}", "expected a value"},
        {"{\"a\":\"x", "string does not end"},
        {"{\"a\":\"\n\"}", "control character"},
        {"{\"a\":\"\\x\"}", "unknown escape"},
        {"{\"a\":\"\\u12g4\"}", "malformed \\u escape"},
        {"{\"a\":\"\\ud800\"}", "lone surrogate"},
        {"{\"a\":\"\\ud800\\u0041\"}", "lone surrogate"},
        {"{\"a\":\"\\udc00\"}", "lone surrogate"},
        {"{\"a\":\"\xff\"}", "not UTF-8"},
        {"{\"a\":\"\xc0\xaf\"}", "not UTF-8"},
        {"{\"a\":" + deep, "nested too deep"},
        {"\xef\xbb\xbf{}", "expected an object"},
        {std::string("{\0}", 3), "expected a string"},
    }};
    for (const auto& [document, message] : cases) {
        INFO(document);
        const RunOutcome run = run_document(document);
        CHECK(run.exit_code == 2);
        CHECK(run.out.empty());
        CHECK_THAT(run.err, Contains("contract: ") && Contains(message));
    }
    CHECK_THAT(run_edited("}}}", "}}} x").err, Contains("text after the document"));
}

TEST_CASE("sdk: members of the wrong type or size are refused", "[sdk]") {
    const std::array<std::array<const char*, 3>, 19> cases{{
        {R"("timestamp":1795212533671)", R"("timestamp":"1795212533671")", "expected a number"},
        {R"("timestamp":1795212533671)", R"("timestamp":-1)", "expected a number"},
        {R"("timestamp":1795212533671)", R"("timestamp":1.5)", "whole number"},
        {R"("timestamp":1795212533671)", R"("timestamp":1e3)", "whole number"},
        {R"("timestamp":1795212533671)", R"("timestamp":9223372036854775808)", "too large"},
        {R"("timestamp":1795212533671)", R"("timestamp":0123)", "leading zero"},
        {R"("readonly":false)", R"("readonly":"false")", "expected true or false"},
        {R"("readonly":false)", R"("readonly":0)", "expected true or false"},
        {R"("readonly":false)", R"("readonly":falsy)", "unknown word"},
        {R"("contract_id":")", R"("contract_id":7,"x":")", "expected a string"},
        {R"("public_key":"ed)", R"("public_key":"ED)", "66 lowercase hex digits"},
        {R"("public_key":"ed)", R"("public_key":"d)", "66 lowercase hex digits"},
        {R"("private_key":"ed)", R"("private_key":"edd)", "130 lowercase hex digits"},
        {R"("lcl_hash":"c4)", R"("lcl_hash":"g4)", "64 lowercase hex digits"},
        {R"("lcl_seq_no":13)", R"("lcl_seq_no":18446744073709551616)", "too large"},
        {R"("lcl_seq_no":13)", R"("lcl_seq_no":13,"lcl_seq_no":13)", "appears twice"},
        {R"("control_fd":)", R"("control_fd":1,"x":)", "standard stream"},
        {R"("control_fd":)", R"("control_fd":2147483648,"x":)", "too large"},
        {R"("active_on":1795212534477)", R"("active_on":"x")", "expected a number"},
    }};
    for (const auto& [from, to, message] : cases) {
        INFO(to);
        const RunOutcome run = run_edited(from, to);
        CHECK(run.exit_code == 2);
        CHECK(run.out.empty());
        CHECK_THAT(run.err,
                   Contains("the document on standard input is not usable") && Contains(message));
    }
}

TEST_CASE("sdk: malformed users and channels are refused", "[sdk]") {
    const std::array<std::array<const char*, 3>, 10> cases{{
        {",[0,5]", ",[0]", "expected an input length"},
        {",[0,5]", ",[]", "expected an input offset"},
        {",[0,5]", ",[0,5,1]", "nothing more"},
        {",[0,5]", ",7", "expected an array"},
        {",[0,5]", ",[-1,5]", "expected a number"},
        {",[0,5]", ",[9223372036854775807,5]", "too large"},
        {",[0,5]", ",[0,4097]", "an input ends at byte 4097 of an input file of 4096 bytes"},
        {",[0,5]", ",[8192,5]", "an input ends at byte 8197"},
        {"\"users\":{\"ed", "\"users\":{\"xx\":[5],\"ed", "66 lowercase hex digits"},
        {"\"users\":{\"ed", "\"users\":{\"ed\":[5],\"ed", "66 lowercase hex digits"},
    }};
    for (const auto& [from, to, message] : cases) {
        INFO(to);
        const RunOutcome run = run_edited(from, to);
        CHECK(run.exit_code == 2);
        CHECK_THAT(run.err, Contains(message));
    }
    CHECK_THAT(run_edited(R"("control_fd":)", R"("control_fd":900,"x":)").err,
               Contains("descriptor 900 (control_fd) cannot be used: Bad file descriptor"));
    const std::string twice = R"("users":{")" + make_key(1) + R"(":[900],")";
    CHECK_THAT(run_edited(R"("users":{")", twice).err, Contains("a key appears twice"));
    const std::string same_fd =
        R"("users":{")" + make_key(8) + R"(":[900],")" + make_key(9) + R"(":[900],")";
    CHECK_THAT(run_edited(R"("users":{")", same_fd).err,
               Contains("descriptor 900 is named for two channels"));
    const std::string no_fd = R"("users":{")" + make_key(8) + R"(":[],")";
    CHECK_THAT(run_edited(R"("users":{")", no_fd).err, Contains("expected an output descriptor"));
}

TEST_CASE("sdk: a second run in one process is refused", "[sdk]") {
    const RunOutcome run = run_process(make_child_spec("twice"));
    CHECK(run.out == "first=0\n");
    CHECK(run.exit_code == 2);
    CHECK_THAT(run.err, Contains("standard input is empty"));
}

TEST_CASE("sdk: a terminal is refused", "[sdk]") {
    const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(terminal >= 0);
    REQUIRE(::grantpt(terminal) == 0);
    REQUIRE(::unlockpt(terminal) == 0);
    RunSpec spec = make_child_spec("dump");
    spec.stdin_fd = ::open(::ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(spec.stdin_fd >= 0);
    const RunOutcome run = run_process(spec);
    ::close(spec.stdin_fd);
    ::close(terminal);
    CHECK(run.exit_code == 2);
    CHECK(run.out.empty());
    CHECK_THAT(run.err, Contains("cannot run from a terminal"));
}

TEST_CASE("sdk: unreadable standard input is reported", "[sdk]") {
    RunSpec spec = make_child_spec("dump");
    spec.stdin_fd = ::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const RunOutcome run = run_process(spec);
    ::close(spec.stdin_fd);
    CHECK(run.exit_code == 2);
    CHECK_THAT(run.err, Contains("standard input cannot be read: Is a directory"));
}
