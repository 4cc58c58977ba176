// SPDX-License-Identifier: Apache-2.0
// InOrder.
#include "hp/net/in_order.hpp"

#include <memory>
#include <string>

#include <catch2/catch.hpp>

namespace hp::net::test {

using Texts = std::vector<std::string>;

TEST_CASE("a result waits for those of earlier jobs", "[net]") {
    InOrder<std::string> results;
    CHECK(results.expect() == 0);
    CHECK(results.expect() == 1);
    CHECK(results.expect() == 2);
    CHECK(results.arrived(2, "c").empty());
    CHECK(results.arrived(0, "a") == Texts{"a"});
    CHECK(results.expect() == 3);
    CHECK(results.arrived(1, "b") == Texts{"b", "c"});
    CHECK(results.arrived(3, "d") == Texts{"d"});
    CHECK(results.arrived(results.expect(), "e") == Texts{"e"});
}

TEST_CASE("results need not be copyable", "[net]") {
    InOrder<std::unique_ptr<int>> results;
    const std::uint64_t first = results.expect();
    const std::uint64_t second = results.expect();
    CHECK(results.arrived(second, std::make_unique<int>(2)).empty());
    const auto ready = results.arrived(first, std::make_unique<int>(1));
    REQUIRE(ready.size() == 2);
    CHECK(*ready[0] == 1);
    CHECK(*ready[1] == 2);
}

} // namespace hp::net::test
