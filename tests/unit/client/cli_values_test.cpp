// SPDX-License-Identifier: Apache-2.0
// hpcli without a node: values, payloads, the command line, JSON output.
#include "cli/args.hpp"
#include "cli/json_match.hpp"
#include "cli/json_writer.hpp"
#include "cli/payload.hpp"
#include "cli/program.hpp"
#include "cli/schema.hpp"
#include "cli/script.hpp"
#include "cli/send_options.hpp"
#include "commands.hpp"
#include "temp_dir.hpp"

#include "hp/base/utf8.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

using namespace hp;
using namespace hp::cli;

namespace {

std::string payload(const std::vector<std::string>& arguments, bool as_text = false) {
    const auto made = make_payload(arguments, as_text);
    return made ? hp::to_text(*made) : "error: " + made.error().message;
}

ErrorId payload_error(const std::vector<std::string>& arguments) {
    const auto made = make_payload(arguments, false);
    REQUIRE_FALSE(made);
    return made.error().id;
}

tl::expected<Args, Failure> parse(std::vector<const char*> words) {
    words.insert(words.begin(), "hpcli");
    return parse_args(hpcli_program(), static_cast<int>(words.size()), words.data());
}

} // namespace

TEST_CASE("durations", "[cli]") {
    CHECK(parse_duration_ms("250ms") == 250);
    CHECK(parse_duration_ms("5s") == 5000);
    CHECK(parse_duration_ms("2m") == 120'000);
    CHECK(parse_duration_ms("1h") == 3'600'000);
    for (const char* bad : {"", "5", "s", "-5s", "+5s", "5 s", "0s", "1.5s", "5S", "5sm",
                            "99999999999999999999s", "9999999999999999h"}) {
        INFO(bad);
        CHECK_FALSE(parse_duration_ms(bad));
    }
}

TEST_CASE("expiries, shares and lists", "[cli]") {
    CHECK(parse_expiry("+5")->value == 5);
    CHECK_FALSE(parse_expiry("+5")->absolute);
    CHECK(parse_expiry("@0")->absolute);
    for (const char* bad : {"", "5", "+", "+0", "@", "+-1", "+99999999999"}) {
        CHECK_FALSE(parse_expiry(bad));
    }
    CHECK(parse_share("0.8") == 0.8);
    CHECK(parse_share("1") == 1.0);
    for (const char* bad : {"", "0", "1.1", "-0.5", "nan", "0.8x"}) {
        CHECK_FALSE(parse_share(bad));
    }
    CHECK(split_list(" a, b,,c ") == std::vector<std::string>{"a", "b", "c"});
    CHECK(split_list("").empty());
}

TEST_CASE("one argument is the payload as it is", "[cli]") {
    CHECK(payload({"hello world"}) == "hello world");
    CHECK(payload({""}).empty());
    CHECK(payload({"{\"a\":1}"}) == "{\"a\":1}");
    CHECK(payload({"set a=1"}) == "set a=1"); // a space is no part of a name
    CHECK(payload({"=x"}) == "=x");
    CHECK(payload({"a=1"}, true) == "a=1");
    CHECK(payload({"-"}, true) == "-");
    CHECK(payload({"@x"}, true) == "@x");
    CHECK(payload_error({}) == ErrorId::usage);
    CHECK(payload_error({"a", "b"}) == ErrorId::usage);
    CHECK(payload_error({"a=1", "b"}) == ErrorId::usage);
}

TEST_CASE("items build one JSON object", "[cli]") {
    CHECK(payload({"op=add", "n:=5"}) == R"({"op":"add","n":5})");
    CHECK(payload({"z=1", "a=2"}) == R"({"z":"1","a":"2"})"); // order of the arguments
    CHECK(payload({"user.name=x", "user.age:=3"}) == R"({"user":{"name":"x","age":3}})");
    CHECK(payload({"list:=[1,2]", "s="}) == R"({"list":[1,2],"s":""})");
    CHECK(payload({"a=b=c"}) == R"({"a":"b=c"})");
    CHECK(payload({"a=:=1"}) == R"({"a":":=1"})");
    CHECK(payload({"a=\"\n"}) == R"({"a":"\"\n"})");
    CHECK(payload_error({"n:=five"}) == ErrorId::bad_payload);
    CHECK(payload_error({"a=1", "a=2"}) == ErrorId::bad_payload);
    CHECK(payload_error({"a=1", "a.b=2"}) == ErrorId::bad_payload);
    CHECK_FALSE(parse_item("a..b=1"));
    CHECK_FALSE(parse_item(".a=1"));
    CHECK_FALSE(parse_item("a"));
}

TEST_CASE("payloads from files", "[cli]") {
    const test::TempDir dir;
    const std::string file = (dir.path() / "f.json").string();
    std::ofstream(file) << R"({"deep":[1]})";
    CHECK(payload({"@" + file}) == R"({"deep":[1]})");
    CHECK(payload({"cfg:=@" + file}) == R"({"cfg":{"deep":[1]}})");
    CHECK(payload({"raw@" + file}) == R"({"raw":"eyJkZWVwIjpbMV19"})");
    CHECK(payload_error({"raw@" + file + ".not"}) == ErrorId::file_not_found);
    CHECK(payload({"raw@" + file}, true) == "raw@" + file);
    const auto bson = make_payload({"raw@" + file}, false, PayloadFormat::bson);
    REQUIRE(bson);
    CHECK((*bson)[4] == 5); // binary
    CHECK(payload_error({"@" + file + ".not"}) == ErrorId::file_not_found);
    CHECK(payload_error({"@" + dir.path().string()}) == ErrorId::bad_payload);
}

TEST_CASE("the command line", "[cli]") {
    const test::TempDir home; // without contexts
    ::setenv("XDG_CONFIG_HOME", home.path().c_str(), 1);
    ::unsetenv("HP_SERVERS");
    const auto send = parse({"--json", "send", "-s", "ws://a:1", "x", "--expires", "+3", "--server",
                             "wss://b:2", "--nonce", "7"});
    REQUIRE(send);
    CHECK(send->command->words == "send");
    CHECK(send->schema == "hp.cli.send/1");
    CHECK(send->json);
    CHECK(send->arguments == std::vector<std::string>{"x"});
    CHECK(send->connection.servers == std::vector<std::string>{"ws://a:1", "wss://b:2"});
    const auto options = check_send(*send);
    REQUIRE(options);
    CHECK(options->expires.value == 3);
    CHECK(options->nonce == 7U);
    CHECK(options->rounds == 1);

    SECTION("payloads that look like something else") {
        for (const char* text : {"[1,2]", "++", "status", "{}", "-5", "", "[]", "-"}) {
            const auto args = parse({"send", "-s", "ws://a:1", text});
            INFO(text);
            REQUIRE(args);
            CHECK(args->arguments == std::vector<std::string>{text});
        }
        CHECK(parse({"send", "-s", "ws://a:1", "--", "--json"})->arguments ==
              std::vector<std::string>{"--json"});
    }
    SECTION("usage errors") {
        const std::vector<std::vector<const char*>> bad = {
            {},
            {"bogus"},
            {"send", "-s", "ws://a:1", "--bogus"},
            {"send", "-s", "http://a:1", "x"},
            {"status", "-s", "ws://a:1", "extra"},
            {"ledger"},
            {"ledger", "get", "-s", "ws://a:1"},
            {"key", "new"},
            {"key", "list", "-s", "ws://a:1"}, // an option without a meaning there
            {"send", "-s", "ws://a:1", "x", "--timeout", "5"},
            {"send", "-s", "ws://a:1", "x", "--contract-id", ""}, // from an unset variable
            {"send", "-s", "ws://a:1", "x", "--trusted-key", "abc"},
            {"status", "-s", "ws://a:1", "--color", "maybe"},
        };
        for (const auto& words : bad) {
            const auto args = parse(words);
            REQUIRE_FALSE(args);
            CHECK(args.error().exit_code() == 2);
        }
        CHECK(parse({"status"}).error().id == ErrorId::no_server);
        CHECK(parse({"statsu"}).error().hint == "did you mean \"status\"?");
    }
    SECTION("servers from the environment") {
        ::setenv("HP_SERVERS", "ws://a:1,ws://b:2", 1);
        CHECK(parse({"status"})->connection.servers.size() == 2);
        CHECK(parse({"status", "-s", "ws://c:3"})->connection.servers.size() == 1);
        ::unsetenv("HP_SERVERS");
    }
    SECTION("contexts stand between options and environment") {
        const auto directory = home.path() / "hotpocket";
        std::filesystem::create_directory(directory);
        std::ofstream(directory / "contexts.json")
            << R"({"current":"a","contexts":{"a":{"servers":["ws://a:1"],"quorum":"0.5"},)"
            << R"("b":{"servers":["ws://b:2"],"key":"bob"}}})";
        ::setenv("HP_SERVERS", "ws://z:9", 1);
        CHECK(parse({"status"})->connection.servers.front() == "ws://a:1");
        CHECK(parse({"status"})->connection.quorum == 0.5);
        CHECK(parse({"status", "-c", "b"})->connection.key == "bob");
        CHECK(parse({"status", "-c", "b", "-k", "eve"})->connection.key == "eve");
        CHECK(parse({"status", "-s", "ws://c:3"})->connection.quorum == 0.8);
        CHECK(parse({"status", "-c", "c"}).error().id == ErrorId::not_known);
        ::unsetenv("HP_SERVERS");
    }
    SECTION("help anywhere") {
        for (const auto& words : std::vector<std::vector<const char*>>{
                 {"-h"}, {"send", "-h"}, {"--help", "key", "new"}, {"ledger", "get", "--help"}}) {
            const auto help = parse(words);
            REQUIRE(help);
            CHECK(help->command == nullptr);
            CHECK(help->help_text.find("examples:\n") != std::string::npos);
        }
        CHECK(parse({"send", "--version"})->command->words == "version");
    }
    ::unsetenv("XDG_CONFIG_HOME");
}

TEST_CASE("options of send that do not fit together", "[cli]") {
    const std::vector<std::vector<const char*>> bad = {
        {"x", "--wait", "sent", "--require-output"},
        {"x", "--lines"},
        {"--lines", "--nonce", "5"},
        {"x", "--offline"},
        {"x", "--offline", "--expires", "+3"},
        {"x", "--retry", "bad_sig"}, // another try would change nothing
        {"x", "--match", "=5"},
        {"x", "--outputs", "0"},
        {"x", "--nonce", "0"},
        {"x", "--nonce", "x"},
    };
    for (auto words : bad) {
        words.insert(words.begin(), {"send", "-s", "ws://a:1"});
        const auto args = parse(words);
        REQUIRE(args);
        const auto options = check_send(*args);
        INFO(words.back());
        REQUIRE_FALSE(options);
        CHECK(options.error().id == ErrorId::usage);
    }
}

TEST_CASE("ledger ranges", "[cli]") {
    const auto range = parse_ledger_range("3..7");
    REQUIRE(range);
    CHECK(range->first == 3U);
    CHECK(range->last == 7U);
    CHECK(parse_ledger_range("5")->last == 5U);
    CHECK_FALSE(parse_ledger_range("5..")->last);
    CHECK(parse_ledger_range("..5")->first == 1U);
    CHECK(parse_ledger_range("-4..")->tail == 4U);
    CHECK_FALSE(parse_ledger_range("lcl")->first);
    for (const char* bad : {"", "..", "7..3", "-4", "-0..", "-4..5", "a..b", "1...2"}) {
        INFO(bad);
        CHECK_FALSE(parse_ledger_range(bad));
    }
}

TEST_CASE("conditions on what a contract said", "[cli]") {
    const auto fits = [](const char* match, std::string_view content) {
        const auto parsed = parse_match(match);
        REQUIRE(parsed);
        return parsed->fits(as_bytes(content));
    };
    CHECK(fits("$.total=5", R"({"total":5})"));
    CHECK(fits("total=5", R"({"total":"5"})"));
    CHECK(fits("rows[1].id=x", R"({"rows":[{},{"id":"x"}]})"));
    CHECK(fits("$={\"b\":1,\"a\":2}", R"({"b":1,"a":2})"));
    CHECK(fits("$=plain", "plain"));
    CHECK(fits("$=5", "5"));
    CHECK_FALSE(fits("$.total=5", R"({"total":6})"));
    CHECK_FALSE(fits("$.total.deep=5", R"({"total":5})"));
    CHECK_FALSE(fits("$.total=5", "no JSON"));
    const std::string deep(1'000'000, '['); // is a text, not a stack overflow
    CHECK(fits(("$=" + deep).c_str(), deep));
    CHECK(value_at(as_bytes(deep + std::string(1'000'000, ']')), {})->size() > deep.size());
    for (const char* bad : {"", "=5", "total", "$total=5", "a[=5", "a..b=5"}) {
        INFO(bad);
        CHECK_FALSE(parse_match(bad));
    }
}

TEST_CASE("every command has a schema that can be made", "[cli]") {
    for (const CommandInfo& info : hpcli_program().commands) {
        INFO(info.words);
        CHECK(make_schema(hpcli_program().schema_of(info.words), info.fields).starts_with("{"));
        for (const OptionInfo& option : info.options) {
            CHECK_FALSE(option.text.empty());
        }
    }
}

TEST_CASE("base64 is read back", "[cli]") {
    for (const std::string_view text : {"", "f", "fo", "foo", "foob"}) {
        CHECK(parse_base64(base64(as_bytes(text))) == to_bytes(text));
    }
    for (const char* bad : {"Z", "Zg", "Zg=", "Z===", "Zg==Zg==", "Z!==", "===="}) {
        INFO(bad);
        CHECK_FALSE(parse_base64(bad));
    }
}

TEST_CASE("scripts", "[cli]") {
    const auto steps = parse_script("# nothing\nas bob\nsend op=add n:=5 --expires +3 -> $.n == 5\n"
                                    "expect reject bad_sig : send 'a b'\nat ledger +2\n");
    REQUIRE(steps);
    REQUIRE(steps->size() == 4);
    CHECK((*steps)[1].items == std::vector<std::string>{"op=add", "n:=5"});
    CHECK((*steps)[1].expires.value == 3);
    CHECK((*steps)[1].condition->check({to_bytes(R"({"n":5})")}).empty());
    CHECK((*steps)[1].condition->check({to_bytes(R"({"n":6})")}) == "6");
    CHECK((*steps)[1].condition->check({}) == "no output");
    CHECK((*steps)[2].reject == "bad_sig");
    CHECK((*steps)[2].items == std::vector<std::string>{"a b"});
    CHECK((*steps)[3].relative);
    const auto wrong = parse_script("as\nsend\nsend x ->\nexpect y : send x\nsend 'x\nat ledger x");
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().detail.size() == 6);
}

TEST_CASE("errors keep their code, and their code the exit", "[cli]") {
    std::set<std::string_view> codes;
    for (const ErrorInfo& error : error_table) {
        CHECK(codes.insert(error.code).second);
        CHECK(std::stoi(std::string(error.code.substr(4))) / 1000 == error.exit);
    }
    const Failure failure{ErrorId::rejected, "no \"luck\"", "", "bad_sig", {{"a", "b"}}};
    CHECK(to_json(failure, "hp.cli.send/1") ==
          R"({"schema":"hp.cli.send/1","ok":false,"error":{"code":"HPE-5001","exit":5,)"
          R"("message":"no \"luck\"","reason":"bad_sig","detail":{"a":"b"}}})"
          "\n");
    CHECK(describe("hpcli", {ErrorId::failed, "x\x1b[2Jy"}) == "hpcli: error HPE-1001: x?[2Jy\n");
}

TEST_CASE("JSON is valid whatever a contract says", "[cli]") {
    const auto content = [](std::string_view text) {
        return JsonObject().add_content("data", as_bytes(text)).text();
    };
    CHECK(content("plain") == R"({"data":"plain"})");
    CHECK(content("") == R"({"data":""})");
    CHECK(content("5") == R"({"data":"5"})");
    CHECK(content("\"q\"") == R"({"data":"\"q\""})");
    CHECK(content("{\"a\": 1.50}") == R"({"data":{"a": 1.50}})");
    CHECK(content("[1,\n2]") == R"({"data":[1, 2]})");
    CHECK(content("{bad}") == R"({"data":"{bad}"})");
    CHECK(content("{}\",\"ok\":{}") == R"({"data":"{}\",\"ok\":{}"})");
    CHECK(content("\xff\xfe") == R"({"data_hex":"fffe"})");
    CHECK(content("a\x1b\x7f") == "{\"data\":\"a\\u001b\\u007f\"}");
    CHECK(content(std::string(70, '[') + std::string(70, ']')).starts_with(R"({"data":"[[)"));
    const std::string large(1025, '\xff');
    CHECK(content(large).starts_with(R"({"data_b64":"////)"));

    CHECK(json_integer(std::uint64_t{1} << 53U) == "9007199254740992");
    CHECK(json_integer((std::uint64_t{1} << 53U) + 1) == "\"9007199254740993\"");
    CHECK(JsonObject().add_time("t", 1'700'000'000'123).text() ==
          R"({"t":"2023-11-14T22:13:20.123Z","t_ms":1700000000123})");
}

TEST_CASE("base64", "[cli]") {
    CHECK(base64(as_bytes("")).empty());
    CHECK(base64(as_bytes("f")) == "Zg==");
    CHECK(base64(as_bytes("fo")) == "Zm8=");
    CHECK(base64(as_bytes("foo")) == "Zm9v");
    CHECK(base64(as_bytes("foobar")) == "Zm9vYmFy");
}

TEST_CASE("UTF-8 is checked strictly", "[cli]") {
    for (const char* good : {"", "a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"}) {
        CHECK(is_utf8(good));
    }
    for (const char* bad : {"\x80", "\xc0\x80", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80",
                            "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82"}) {
        CHECK_FALSE(is_utf8(bad));
    }
}
