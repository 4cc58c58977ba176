// SPDX-License-Identifier: Apache-2.0
//
// BSON. That the JavaScript library reads and writes the same bytes is checked by codec_test.mjs.
//
// Threads: one.
#include "fixtures.hpp"
#include "random_values.hpp"

#include <hp/contract/bson.hpp>

#include <array>
#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

using namespace hp::contract;
using namespace std::string_literals;
using namespace std::string_view_literals;
using Catch::Matchers::Contains;

namespace {

Result<Value> decode(std::string_view bytes) {
    return decode_bson(as_bytes(bytes));
}

std::string encode(const Value& value) {
    const auto bytes = encode_bson(value);
    return bytes ? std::string(as_text(*bytes)) : bytes.error().message;
}

/// A document of these elements.
std::string document(std::string_view elements) {
    const std::size_t size = elements.size() + 5;
    std::string out;
    for (const unsigned shift : {0U, 8U, 16U, 24U})
        out += static_cast<char>(static_cast<unsigned char>(size >> shift));
    return out.append(elements).append(1, '\0');
}

} // namespace

TEST_CASE("bson: bytes of the specification's examples", "[sdk][bson]") {
    const auto hello = "\x16\0\0\0\2hello\0\6\0\0\0world\0\0"sv;
    CHECK(encode(Value::Object{{"hello", "world"}}) == hello);
    CHECK(*decode(hello) == Value(Value::Object{{"hello", "world"}}));

    const auto awesome = "\x31\0\0\0\4BSON\0\x26\0\0\0\2\x30\0\x08\0\0\0awesome\0\1\x31\0"
                         "\x33\x33\x33\x33\x33\x33\x14\x40\x10\x32\0\xc2\x07\0\0\0\0"sv;
    const Value value = Value::Object{{"BSON", Value::Array{"awesome", 5.05, 1986}}};
    CHECK(encode(value) == awesome);
    CHECK(*decode(awesome) == value);
    CHECK(encode(Value::Object{}) == "\5\0\0\0\0"sv);
}

TEST_CASE("bson: every type", "[sdk][bson]") {
    const Value value = Value::Object{
        {"null", nullptr},
        {"yes", true},
        {"no", false},
        {"i32", std::numeric_limits<std::int32_t>::min()},
        {"i64", std::int64_t{std::numeric_limits<std::int32_t>::max()} + 1},
        {"min", std::numeric_limits<std::int64_t>::min()},
        {"number", -0.0},
        {"huge", std::numeric_limits<double>::infinity()},
        {"text", std::string("a\0b\xc3\xa9", 5)},
        {"empty", ""},
        {"binary", Bytes{std::byte{0}, std::byte{0xff}}},
        {"array", Value::Array{Value::Array{}, Value::Object{}}},
        {"", 1},
    };
    const auto bytes = encode_bson(value);
    REQUIRE(bytes);
    CHECK(*decode_bson(*bytes) == value);
    CHECK(std::signbit(*(*decode_bson(*bytes))["number"].number()));

    const auto odd = decode(document("\x06u\0"
                                     "\x09"
                                     "d\0\1\2\0\0\0\0\0\0"
                                     "\5o\0\6\0\0\0\2\2\0\0\0xy"
                                     "\5m\0\1\0\0\0\x80z"
                                     "\1n\0\0\0\0\0\0\0\xf8\x7f"sv));
    REQUIRE(odd);
    CHECK((*odd)["u"].is_null());
    CHECK((*odd)["d"].integer() == 513);
    CHECK(as_text(*(*odd)["o"].binary()) == "xy");
    CHECK(as_text(*(*odd)["m"].binary()) == "z");
    CHECK(std::isnan(*(*odd)["n"].number()));
}

TEST_CASE("bson: hostile documents", "[sdk][bson]") {
    const std::array<std::pair<std::string, const char*>, 28> cases{{
        {"", "ends too early"},
        {"\5\0\0"s.substr(0, 3), "ends too early"},
        {std::string("\4\0\0\0", 4), "wrong length"},
        {std::string("\6\0\0\0\0", 5), "wrong length"},
        {std::string("\xff\xff\xff\x7f\0", 5), "wrong length"},
        {std::string("\xff\xff\xff\xff\0", 5), "wrong length"},
        {std::string("\5\0\0\0\1", 5), "name does not end"},
        {std::string("\5\0\0\0\0\0", 6), "bytes after the document"},
        {std::string("\6\0\0\0\0\0", 6), "ends before its length"},
        {document("\x0a"
                  "a"sv),
         "ends too early"},
        {document("\x0a\xff\0"sv), "name is not UTF-8"},
        {document("\x0a"
                  "a\0\x0a"
                  "a\0"sv),
         "member \"a\" appears twice"},
        {document("\x08"
                  "a\0\2"sv),
         "neither 0 nor 1"},
        {document("\2a\0\0\0\0\0"sv), "wrong length"},
        {document("\2a\0\xff\xff\xff\xff"sv), "wrong length"},
        {document("\2a\0\xff\xff\xff\x7f"sv), "wrong length"},
        {document("\2a\0\2\0\0\0xy"sv), "does not end with NUL"},
        {document("\2a\0\2\0\0\0\xff\0"sv), "string is not UTF-8"},
        {document("\2a\0\1\0\0\0"sv), "ends too early"},
        {document("\5a\0\7\0\0\0\0xy"sv), "wrong length"},
        {document("\5a\0\xff\xff\xff\xff\0"sv), "wrong length"},
        {document("\5a\0\6\0\0\0\2\3\0\0\0xy"sv), "wrong length"},
        {document("\5a\0\3\0\0\0\2xyz"sv), "wrong length"},
        {document("\x10"
                  "a\0\1\0\0"sv),
         "ends too early"},
        {document("\3a\0\x7f\0\0\0\0"sv), "wrong length"},
        {document("\4a\0"sv) + document(""), "ends too early"},
        {document(std::string("\4a\0", 3) + document("\x0a"
                                                     "1\0"sv)),
         "not numbered"},
        {document(std::string("\4a\0", 3) + document("\x0a"
                                                     "00\0"sv)),
         "not numbered"},
    }};
    for (const auto& [bytes, message] : cases) {
        const auto value = decode(bytes);
        INFO(message);
        REQUIRE_FALSE(value);
        CHECK(value.error().code == std::errc::bad_message);
        CHECK_THAT(value.error().message, Contains("offset ") && Contains(message));
    }
}

TEST_CASE("bson: types that a Value cannot hold are refused by number", "[sdk][bson]") {
    for (const char type :
         {'\x07', '\x0b', '\x0c', '\x0d', '\x0e', '\x0f', '\x11', '\x13', '\x7f'}) {
        const auto value = decode(document(std::string(1, type) + std::string("a\0", 2)));
        REQUIRE_FALSE(value);
        CHECK(value.error().code == std::errc::not_supported);
        CHECK_THAT(value.error().message,
                   Contains("BSON type " + std::to_string(static_cast<int>(type))));
    }
}

TEST_CASE("bson: what cannot be written", "[sdk][bson]") {
    for (const Value& value : {Value(), Value(1), Value(Value::Array{}), Value("x")})
        CHECK(encode_bson(value).error().code == std::errc::invalid_argument);
    for (const Value& value :
         {Value(Value::Object{{std::string("a\0b", 3), 1}}), Value(Value::Object{{"\xff", 1}}),
          Value(Value::Object{{"a", "\xff"}}),
          Value(Value::Object{{"a", Value::Array{Value::Object{{"b", "\xff"}}}}})})
        CHECK(encode_bson(value).error().code == std::errc::invalid_argument);
}

TEST_CASE("bson: limits", "[sdk][bson]") {
    std::string nested = document("");
    for (int i = 0; i < 63; ++i)
        nested = document(std::string("\3a\0", 3) + nested);
    CHECK(decode(nested));
    nested = document(std::string("\3a\0", 3) + nested);
    CHECK(decode(nested).error().code == std::errc::value_too_large);
    const std::string three = document("\x0a"
                                       "a\0\x0a"
                                       "b\0\x0a"
                                       "c\0"sv);
    CHECK(decode_bson(as_bytes(three), {.values_max = 3}));
    CHECK(decode_bson(as_bytes(three), {.values_max = 2}).error().code ==
          std::errc::value_too_large);
}

TEST_CASE("bson: round trips of random documents", "[sdk][bson]") {
    hp::test::RandomValues random(20260728);
    for (int i = 0; i < 3000; ++i) {
        const Value value = random.object(true);
        const auto bytes = encode_bson(value);
        REQUIRE(bytes);
        const auto back = decode_bson(*bytes);
        REQUIRE(back);
        REQUIRE(*back == value);
    }
}

TEST_CASE("bson: damaged documents are refused or read, never worse", "[sdk][bson]") {
    hp::test::RandomValues random(72);
    int refused = 0;
    for (int i = 0; i < 20'000; ++i) {
        std::string bytes = encode(random.object(true));
        random.damage(bytes);
        const auto value = decode(bytes);
        if (value)
            REQUIRE(decode_bson(*encode_bson(*value)));
        else
            ++refused;
    }
    CHECK(refused > 1000);
}

TEST_CASE("bson: sending", "[sdk][bson]") {
    hp::test::RunSpec spec;
    spec.users = {{hp::test::make_key(1), {}}};
    const auto run = hp::test::run_handler(
        [](Context& c) {
            User& user = c.users().list()[0];
            CHECK_FALSE(send_bson(user, Value::Object{{"a", 1}}));
            CHECK(send_bson(user, "text") == std::errc::invalid_argument);
        },
        spec);
    CHECK(run.messages(hp::test::make_key(1)) ==
          std::vector<std::string>{encode(Value::Object{{"a", 1}})});
}
