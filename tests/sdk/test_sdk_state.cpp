// SPDX-License-Identifier: Apache-2.0
//
// Contracts whose state is one JSON document, and the small helpers that contracts share.
//
// Threads: one.
#include "fixtures.hpp"

#include <hp/contract/config.hpp>
#include <hp/contract/json.hpp>
#include <hp/contract/sha256.hpp>
#include <hp/contract/state.hpp>

#include <catch2/catch.hpp>

#include <limits>

using namespace hp::contract;
using namespace hp::test;
using Catch::Matchers::Contains;

namespace {

using Texts = std::vector<std::string>;

/// Adds up what it is sent; "get" only tells, "fail" ends the run.
void add_up(Context& c, Value& state, Answers& answers) {
    for (User& user : c.users())
        for (const Input& input : user.inputs()) {
            if (input.text() == "fail")
                throw std::runtime_error("as wanted");
            const auto number = parse_integer(input.text());
            if (!number && input.text() != "get")
                answers.add(user, error_answer("no number"));
            else {
                state.set("total", *state["total"].integer() + number.value_or(0));
                answers.add(user, state);
            }
        }
}

Handler adder() {
    return with_state("total.json", Value::Object{{"total", 0}}, add_up);
}

NplExchange heard(std::initializer_list<const char*> texts) {
    NplExchange out;
    for (const char* text : texts) {
        const BytesView bytes = as_bytes(std::string_view(text));
        out.messages.push_back({{}, false, Bytes(bytes.begin(), bytes.end())});
    }
    return out;
}

Unl unl_of(std::size_t count) {
    return Unl(std::vector<UnlNode>(count));
}

} // namespace

TEST_CASE("with_state: the first run makes the file, runs that change nothing leave it", "[sdk]") {
    TestNode node(adder());
    CHECK(node.read("alice", "5").answers("alice") == Texts{R"({"total":5})"});
    CHECK(node.state().list().empty());
    CHECK(node.round().exit_code == 0);
    CHECK(node.state().read("total.json") == R"({"total":0})");
    CHECK(node.round({{"alice", {"5", "x"}}, {"bob", {"get"}}}).answers("alice") ==
          Texts{R"({"total":5})", R"({"error":"no number"})"});
    const auto read = node.read("bob", "7");
    CHECK(read.answers("bob") == Texts{R"({"total":12})"});
    CHECK_FALSE(read.changed_files_in_read);
    CHECK(node.state().read("total.json") == R"({"total":5})");
}

TEST_CASE("with_state: nobody is told what was not kept", "[sdk]") {
    TestNode node(adder());
    CHECK(node.round({{"alice", {"5"}}}).exit_code == 0);
    const auto failed = node.round({{"alice", {"6", "fail"}}});
    CHECK(failed.exit_code == exit_handler_failed);
    CHECK(failed.answers("alice").empty());
    CHECK(node.state().read("total.json") == R"({"total":5})");

    TestNode needs(with_state("book.json", std::nullopt, add_up));
    const auto missing = needs.round({{"alice", {"1"}}});
    CHECK(missing.exit_code == exit_handler_failed);
    CHECK(missing.answers("alice").empty());
    CHECK(needs.state().list().empty());
}

TEST_CASE("the text that more than two thirds sent is agreed on", "[sdk]") {
    CHECK(agreed_text(heard({"a", "a", "a"}), unl_of(4)) == "a");
    CHECK(agreed_text(heard({"a", "a"}), unl_of(3)) == std::nullopt);
    CHECK(agreed_text(heard({"a", "b", "a", "a"}), unl_of(4)) == "a");
    CHECK(agreed_text(heard({"a", "b", "a", "b"}), unl_of(4)) == std::nullopt);
    CHECK(agreed_text(heard({""}), unl_of(1)) == "");
    CHECK(agreed_text(heard({}), unl_of(1)) == std::nullopt);
}

TEST_CASE("SHA-256 of the standard's examples, and of sizes around a block", "[sdk]") {
    CHECK(sha256("").hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sha256("abc").hex() ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq").hex() ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(sha256(std::string(1'000'000, 'a')).hex() ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    CHECK(sha256(std::string(64, 'a')).hex() ==
          "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
}

TEST_CASE("small helpers", "[sdk]") {
    using Parts = std::vector<std::string_view>;
    CHECK(split("a b") == Parts{"a", "b"});
    CHECK(split("") == Parts{""});
    CHECK(split(",a,", ',') == Parts{"", "a", ""});
    CHECK(parse_integer("-9223372036854775808") == std::numeric_limits<std::int64_t>::min());
    for (const char* bad : {"", "-", "+1", " 1", "1 ", "0x1", "9223372036854775808"}) {
        INFO(bad);
        CHECK(parse_integer(bad) == std::nullopt);
    }
    CHECK(Value(Value::Array{1, "a"}).contains("a"));
    CHECK_FALSE(Value(Value::Array{1, "a"}).contains("1"));
    CHECK_FALSE(Value("a").contains("a"));
    std::array<std::uint8_t, 32> bytes{};
    bytes[0] = 0xab;
    bytes[31] = 0x01;
    CHECK(Hash::from_hex(Hash::from_bytes(bytes).hex())->bytes() == bytes);
    CHECK(Hash::from_bytes(bytes).hex().substr(0, 4) == "ab00");
}
