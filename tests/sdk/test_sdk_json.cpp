// SPDX-License-Identifier: Apache-2.0
//
// Value and JSON. That encode_json() writes what JSON.stringify() writes is checked against a real
// Node.js by codec_test.mjs; here are the cases a reader should know.
//
// Threads: one.
#include "fixtures.hpp"
#include "random_values.hpp"

#include <hp/contract/json.hpp>

#include <array>
#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

using namespace hp::contract;
using Catch::Matchers::Contains;

namespace {

std::string again(std::string_view text) {
    const auto value = decode_json(text);
    return value ? encode_json(*value) : value.error().message;
}

} // namespace

TEST_CASE("value: types, and access that never fails", "[sdk][json]") {
    const Value value = Value::Object{{"n", 5},
                                      {"big", std::numeric_limits<std::uint64_t>::max()},
                                      {"list", Value::Array{"a", true, nullptr, 1.5, Bytes(2)}},
                                      {"of", Value::Object{{"name", "x"}}}};
    CHECK(value["n"].integer() == 5);
    CHECK(value["n"].number() == 5.0);
    CHECK_FALSE(value["n"].text());
    CHECK(value["big"].type() == Value::Type::number);
    CHECK_FALSE(value["big"].integer());
    CHECK(value["of"]["name"].text() == "x");
    CHECK(value["of"]["none"]["deeper"].is_null());
    CHECK(value["n"]["none"].is_null());
    CHECK(value["list"].items().size() == 5);
    CHECK(value["list"].items()[1].boolean() == true);
    CHECK(value["list"].items()[4].binary()->size() == 2);
    CHECK(value["list"].members().empty());
    CHECK(value["of"].items().empty());
    CHECK(value.find("nope") == nullptr);

    CHECK(Value(5.0).integer() == 5);
    CHECK(Value(-9223372036854775808.0).integer() == std::numeric_limits<std::int64_t>::min());
    CHECK_FALSE(Value(9223372036854775808.0).integer());
    CHECK_FALSE(Value(5.5).integer());
    CHECK_FALSE(Value(std::nan("")).integer());
    CHECK_FALSE(Value(5).boolean());
    CHECK(Value(5) != Value(5.0));
    CHECK(Value("x") == Value(std::string("x")));
}

TEST_CASE("value: changes keep the order of members", "[sdk][json]") {
    Value value;
    value.set("b", 1);
    value.set("a", 2);
    value.set("b", 3);
    CHECK(encode_json(value) == R"({"b":3,"a":2})");
    CHECK(value.erase("b"));
    CHECK_FALSE(value.erase("b"));
    CHECK_FALSE(Value(1).erase("b"));
    value.find("a")->push_back("x");
    value.find("a")->push_back(2);
    CHECK(encode_json(value) == R"({"a":["x",2]})");
    value.find("a")->items()[0] = nullptr;
    value.members()[0].name = "c";
    CHECK(encode_json(value) == R"({"c":[null,2]})");
}

TEST_CASE("json: what is written", "[sdk][json]") {
    CHECK(encode_json(Value()) == "null");
    CHECK(encode_json("h\xc3\xa9\"\n") == "\"h\xc3\xa9\\\"\\n\"");
    CHECK(encode_json(Bytes{std::byte{0}, std::byte{0xaf}}) == R"("00af")");
    CHECK(encode_json(Value::Array{}) == "[]");
    CHECK(encode_json(Value::Array{}, 4) == "[]");
    CHECK(encode_json(Value::Object{{"a", Value::Object{}}}, 4) == "{\n    \"a\": {}\n}");
    CHECK(encode_json(Value::Array{1, Value::Array{2}}, 1) == "[\n 1,\n [\n  2\n ]\n]");
    CHECK(encode_json(Value::Array{1}, 99) == "[\n          1\n]");
    CHECK(encode_json(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");

    const std::array<std::pair<double, const char*>, 20> numbers{{
        {0.0, "0"},
        {-0.0, "0"},
        {1.0, "1"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {123456.75, "123456.75"},
        {1e20, "100000000000000000000"},
        {1.5e20, "150000000000000000000"},
        {123456789012345680000.0, "123456789012345680000"},
        {1e21, "1e+21"},
        {1.25e21, "1.25e+21"},
        {0.000001, "0.000001"},
        {0.0000015, "0.0000015"},
        {1e-7, "1e-7"},
        {-1.5e-7, "-1.5e-7"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {std::numeric_limits<double>::infinity(), "null"},
        {-std::numeric_limits<double>::infinity(), "null"},
        {std::nan(""), "null"},
    }};
    for (const auto& [number, text] : numbers)
        CHECK(encode_json(number) == text);
}

TEST_CASE("json: what is read", "[sdk][json]") {
    CHECK(again(" {\"b\" : [ 1 , -2 , 3.50 ] ,\n\"a\":{}, \"\":null}\t") ==
          R"({"b":[1,-2,3.5],"a":{},"":null})");
    CHECK(again(R"("\u00e9\ud83d\ude00\/\b\f\n\r\t\"\\")") ==
          "\"\xc3\xa9\xf0\x9f\x98\x80/\\b\\f\\n\\r\\t\\\"\\\\\"");
    CHECK(again("-0") == "0");
    CHECK(again("-0.0") == "0");
    CHECK(again("1E2") == "100");
    CHECK(decode_json("9223372036854775807")->integer() ==
          std::numeric_limits<std::int64_t>::max());
    CHECK(decode_json("9223372036854775808")->type() == Value::Type::number);
    CHECK(decode_json("100")->type() == Value::Type::integer);
    CHECK(decode_json("1e2")->type() == Value::Type::number);
    CHECK(again("12345678901234567890") == "12345678901234567000");
    CHECK(decode_json("true")->boolean() == true);
    CHECK(decode_json("null")->is_null());
}

TEST_CASE("json: what is refused, and where", "[sdk][json]") {
    const std::array<std::pair<std::string, const char*>, 24> cases{{
        {"", "offset 0: expected a value"},
        {" ", "offset 1: expected a value"},
        {"{", "offset 1: expected a string"},
        {"{\"a\":1,\"a\":2}", "offset 13: member \"a\" appears twice"},
        {"{\"a\":1,}", "expected a string"},
        {"[1,]", "expected a value"},
        {"[1 2]", "expected ',' or ']'"},
        {"[1", "expected ',' or ']'"},
        {"01", "leading zero"},
        {"-", "expected a value"},
        {"1.", "expected a value"},
        {"1e400", "number is out of range"},
        {"-1e400", "number is out of range"},
        {"1e-400", "number is out of range"},
        {"nul", "unknown word"},
        {"nulll", "text after the document"},
        {"1 1", "offset 2: text after the document"},
        {"\"a\nb\"", "control character"},
        {"\"\\ud800\"", "lone surrogate"},
        {"\"\xff\"", "not UTF-8"},
        {"\xef\xbb\xbf{}", "expected a value"},
        {std::string("\0", 1), "expected a value"},
        {"NaN", "expected a value"},
        {"// x\n1", "expected a value"},
    }};
    for (const auto& [text, message] : cases) {
        INFO(text);
        const auto value = decode_json(text);
        REQUIRE_FALSE(value);
        CHECK(value.error().code == std::errc::bad_message);
        CHECK_THAT(value.error().message, Contains(message));
    }
}

TEST_CASE("json: limits hold before memory is spent", "[sdk][json]") {
    const auto nested = [](std::size_t depth) {
        return std::string(depth, '[') + std::string(depth, ']');
    };
    CHECK(decode_json(nested(64)));
    CHECK(decode_json(nested(65)).error().code == std::errc::value_too_large);
    CHECK(decode_json(nested(100'000)).error().code == std::errc::value_too_large);
    CHECK(decode_json(nested(3), {.depth_max = 3}));
    CHECK(decode_json(nested(4), {.depth_max = 3}).error().code == std::errc::value_too_large);
    CHECK(decode_json(nested(65), {.depth_max = 1000}).error().code == std::errc::value_too_large);

    CHECK(decode_json("[1,2,3]", {.values_max = 4}));
    CHECK(decode_json("[1,2,3]", {.values_max = 3}).error().code == std::errc::value_too_large);
    std::string many = "[0";
    for (int i = 0; i < 1'000'000; ++i)
        many += ",0";
    CHECK(decode_json(many + "]").error().code == std::errc::value_too_large);

    // Names that differ: comparing each with each would take minutes.
    std::string members = "{";
    for (int i = 0; i < 200'000; ++i)
        members.append(i == 0 ? "" : ",").append("\"n" + std::to_string(i) + "\":0");
    CHECK(decode_json(members + "}")->members().size() == 200'000);
}

TEST_CASE("json: round trips of random documents", "[sdk][json]") {
    hp::test::RandomValues random(20260728);
    for (int i = 0; i < 3000; ++i) {
        const std::string text = encode_json(random.value(false));
        const auto value = decode_json(text);
        INFO(text);
        REQUIRE(value);
        REQUIRE(encode_json(*value) == text);
        const auto spread = decode_json(encode_json(*value, 3));
        REQUIRE(spread);
        REQUIRE(*spread == *value);
    }
}

TEST_CASE("json: damaged documents are refused or read, never worse", "[sdk][json]") {
    hp::test::RandomValues random(71);
    int refused = 0;
    for (int i = 0; i < 20'000; ++i) {
        std::string text = encode_json(random.value(false), random.below(2) == 0 ? 0 : 2);
        random.damage(text);
        const auto value = decode_json(text);
        if (value)
            REQUIRE(decode_json(encode_json(*value)));
        else
            ++refused;
    }
    CHECK(refused > 1000);
}

TEST_CASE("json: sending", "[sdk][json]") {
    hp::test::RunSpec spec;
    spec.users = {{hp::test::make_key(1), {}}};
    const auto run = hp::test::run_handler(
        [](Context& c) {
            User& user = c.users().list()[0];
            CHECK_FALSE(send_json(user, Value::Object{{"a", 1}}));
            CHECK_FALSE(send_json(user, "text"));
            CHECK(send_json_text(user, "{bad}") == std::errc::bad_message);
            CHECK(send_json_text(user, "007") == std::errc::bad_message);
            CHECK(send_json_text(user, "1 2") == std::errc::bad_message);
            CHECK_FALSE(send_json_text(user, R"( {"b" : 7} )"));
        },
        spec);
    CHECK(run.messages(hp::test::make_key(1)) ==
          std::vector<std::string>{R"({"a":1})", R"("text")", R"( {"b" : 7} )"});
}
