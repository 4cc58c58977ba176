// SPDX-License-Identifier: Apache-2.0
//
// Which documents the C contract library takes. Those it refuses must leave nothing behind: the
// sanitized program reports leaks.
//
// Threads: one.
#include "c_run.hpp"

using namespace hp::test;
using Catch::Matchers::Contains;

namespace {

RunOutcome run_document(std::function<std::string(std::string)> edit) {
    const std::string program = GENERATE(from_range(api_programs()));
    RunSpec spec = make_api_run(program, {"context"});
    spec.users = {{make_key(1), {"hello"}}};
    spec.edit_document = std::move(edit);
    const RunOutcome run = run_process(spec);
    CHECK(run.signal == 0);
    return run;
}

RunOutcome run_edited(const std::string& from, const std::string& to) {
    return run_document(
        [from, to](std::string text) { return replaced(std::move(text), from, to); });
}

void check_refused(const RunOutcome& run, const std::string& why) {
    CHECK(run.exit_code == 1);
    CHECK(run.out == "init: -1 EINVAL\n");
    CHECK_THAT(run.err, Contains(why));
    CHECK(run.control.empty());
}

} // namespace

TEST_CASE("c document: unknown members of every kind are skipped", "[c]") {
    const RunOutcome run = run_edited(
        R"({"hp_version")",
        R"( { "new" : [ null , true , false , -1.5e+3 , "\ud83d\ude00\u00e9\n" , { "a" : [ ] } ] ,
           "users2":{},"hp_version")");
    CHECK(run.err.empty());
    CHECK(run.exit_code == 0);
    CHECK(run_edited(R"({"active_on":)", R"({"trust":[1,{}],"active_on":)").exit_code == 0);
    CHECK(run_document([](const std::string& text) { return text + " \t\r\n"; }).exit_code == 0);
    std::string nested = "1";
    for (int depth = 0; depth < 31; ++depth)
        nested = "[" + nested + "]";
    CHECK(run_edited("{\"hp_version\"", "{\"x\":" + nested + ",\"hp_version\"").exit_code == 0);
    check_refused(run_edited("{\"hp_version\"", "{\"x\":[" + nested + "],\"hp_version\""),
                  "nested too deep");
}

TEST_CASE("c document: optional members", "[c]") {
    CHECK(run_edited(R"("hp_version":"0.6.4",)", "").exit_code == 0);
    CHECK(run_edited(R"("private_key":")" + node_private_key() + "\",", "").exit_code == 0);
    CHECK_THAT(run_edited(R"("lcl_hash":")" + lcl_hash() + "\",", "").out,
               Contains("\nlcl_hash \n"));
    for (const char* name : {"contract_id", "public_key", "timestamp", "readonly", "users", "unl"})
        check_refused(run_edited("\"" + std::string(name) + "\":", "\"x\":"), "is missing");
}

TEST_CASE("c document: wrong types and values", "[c]") {
    check_refused(run_edited(R"("timestamp":1795212533671)", R"("timestamp":"1795212533671")"),
                  "expected a whole number");
    check_refused(run_edited(R"("timestamp":1795212533671)", R"("timestamp":-1)"),
                  "expected a whole number");
    check_refused(run_edited(R"("timestamp":1795212533671)", R"("timestamp":1.0)"),
                  "expected a whole number");
    check_refused(run_edited(R"("timestamp":1795212533671)", R"("timestamp":01)"), "leading zero");
    check_refused(run_edited("1795212533671", "18446744073709551616"), "too large");
    check_refused(run_edited(R"("readonly":false)", R"("readonly":0)"), "expected true or false");
    check_refused(run_edited(R"("readonly":false)", R"("readonly":fals)"), "unknown word");
    check_refused(run_edited("71216897-", "71216897--"), "text is too long");
    check_refused(run_edited("71216897-", "71216897\\u0000"), "NUL");
    check_refused(run_edited(node_key(), node_key() + "0"), "wrong size");
    check_refused(run_edited(lcl_hash(), std::string(64, 'A')), "not lowercase hex");
    check_refused(run_edited("\"" + make_key(1) + "\"", "\"" + make_key(1).substr(1) + "\""),
                  "wrong size");
    check_refused(run_edited("\"users\":{", "\"users\":{\"" + make_key(1) + "\":[9],"), "");
    check_refused(run_edited("\"unl\":{", "\"unl\":{\"" + node_key() + "\":{},"),
                  "a node appears twice");
    check_refused(run_edited("\"readonly\":false", "\"readonly\":false,\"readonly\":false"),
                  "a member appears twice");
}

TEST_CASE("c document: channels and inputs that cannot be", "[c]") {
    check_refused(run_edited("\"control_fd\":", "\"control_fd\":2,\"x\":"), "standard stream");
    check_refused(run_edited("\"control_fd\":", "\"control_fd\":999,\"x\":"),
                  "not an open descriptor");
    check_refused(run_edited("\"control_fd\":", "\"control_fd\":2147483648,\"x\":"), "too large");
    check_refused(run_document([](std::string text) {
                      const std::size_t at = text.find("\"user_in_fd\":") + 13;
                      const std::string fd = text.substr(at, text.find(',', at) - at);
                      return replaced(std::move(text),
                                      "\"control_fd\":", "\"control_fd\":" + fd + ",\"x\":");
                  }),
                  "named for two channels");
    check_refused(run_edited("[0,5]", "[0,4097]"), "beyond the input file");
    check_refused(run_edited("[0,5]", "[9223372036854775807,5]"), "beyond the input file");
    check_refused(run_edited("[0,5]", "[0,4294967296]"), "number is too large");
    check_refused(run_edited("[0,5]", "[0,5,1]"), "an input is an offset and a length");
    check_refused(run_edited("[0,5]", "[0]"), "an input is an offset and a length");
    check_refused(run_edited("[0,5]", "0"), "expected an array");
    check_refused(run_edited("\"user_in_fd\":", "\"x\":"), "there is no input file");
    CHECK(run_edited("[0,5]", "[1000000,0]").exit_code == 0); // an empty input is nowhere
}

TEST_CASE("c document: text that is not JSON", "[c]") {
    const auto hostile = [](const std::string& from, const std::string& to, const char* why) {
        check_refused(run_edited(from, to), why);
    };
    hostile("{\"hp_version\"", "[\"hp_version\"", "expected an object");
    hostile("\"0.6.4\"", "\"0.6.\xff\"", "not UTF-8");
    hostile("\"0.6.4\"", "\"0.6.\xed\xa0\x80\"", "not UTF-8");
    hostile("\"0.6.4\"", "\"0.6.\xc0\x80\"", "not UTF-8");
    hostile("\"0.6.4\"", "\"0.6.\xf4\x90\x80\x80\"", "not UTF-8");
    hostile("\"0.6.4\"", "\"0.6.\n\"", "control character");
    hostile("\"0.6.4\"", "\"\\ud800\"", "lone surrogate");
    hostile("\"0.6.4\"", "\"\\ud800\\u0041\"", "lone surrogate");
    hostile("\"0.6.4\"", "\"\\udc00\"", "lone surrogate");
    hostile("\"0.6.4\"", "\"\\x41\"", "unknown escape");
    hostile("\"0.6.4\"", "\"\\u12g4\"", "malformed \\u escape");
    hostile("\"0.6.4\"", "-", "expected a value");
    hostile("\"0.6.4\"", "1.", "expected a value");
    hostile("\"0.6.4\"", "1e", "expected a value");
    hostile("\"0.6.4\"", "00", "leading zero");
    hostile("\"0.6.4\"", "nul", "unknown word");
    hostile("\"0.6.4\",", "\"0.6.4\",,", "expected a string");
    hostile("\"0.6.4\",", "\"0.6.4\" ", "expected a comma");
    hostile("\"0.6.4\"", std::string("\0", 1), "expected a value");
    check_refused(run_document([](const std::string& text) { return text + "x"; }),
                  "text behind the document");
    check_refused(run_document([](const std::string& text) { return text + std::string(1, '\0'); }),
                  "text behind the document");
    check_refused(run_document([](const std::string&) { return std::string(); }), "is empty");
    check_refused(run_document([](const std::string& text) { return text.substr(0, 300); }), "");
}

TEST_CASE("c document: members as large as they come", "[c]") {
    const std::string long_text(5'000'000, 'x');
    CHECK(run_edited("0.6.4", long_text).exit_code == 0);
    CHECK(run_edited("{\"hp_version\"", "{\"" + long_text + "\":1,\"hp_version\"").exit_code == 0);
}
