// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "contract/difference.hpp"

namespace hp::dev {
namespace {

std::string json_path(std::string_view a, std::string_view b) {
    return first_json_difference(as_bytes(a), as_bytes(b));
}

TEST_CASE("the place where two JSON texts differ has a path") {
    CHECK(json_path(R"({"rows":[{"id":1},{"id":2}]})", R"({"rows":[{"id":1},{"id":3}]})") ==
          "$.rows[1].id");
    CHECK(json_path(R"({"a":1})", R"({"a":1,"b":2})") == "$.b");
    CHECK(json_path("[1,2]", "[1]") == "$[1]");
    CHECK(json_path(R"({"a":{"b":1}})", R"({"a":[1]})") == "$.a");
    CHECK(json_path(R"({"a":1,"b":2})", R"({"b":2,"a":1})") == "$.a (order or name of members)");
    CHECK(json_path("not json", R"({"a":1})").empty());
    CHECK(json_path("5", "6").empty()); // a value of its own has no path
}

TEST_CASE("contents are compared byte by byte, with what is around the difference") {
    const std::string a(200, 'x');
    std::string b = a;
    b[150] = 'y';
    const Difference found = compare_contents(as_bytes(a), as_bytes(b));
    REQUIRE(found.offset == 150U);
    CHECK(found.a_bytes == 200);
    CHECK(found.a.find("xxxx") != std::string::npos);
    CHECK(found.b.find('y') != std::string::npos);
    CHECK(found.b.size() < 100);

    CHECK_FALSE(compare_contents(as_bytes(a), as_bytes(a)).offset);
    CHECK(compare_contents(as_bytes("abc"), as_bytes("ab")).offset == 2U);
    CHECK(compare_contents(as_bytes(""), as_bytes("ab")).a == "(nothing)");
}

} // namespace
} // namespace hp::dev
