// SPDX-License-Identifier: Apache-2.0
//
// The SDK's pure parts: text helpers, hex values, random numbers.
//
// Threads: one.
#include "fixtures.hpp"

#include <hp/contract/contract.hpp>

#include <array>
#include <map>

#include <catch2/catch.hpp>

using namespace hp::contract;

TEST_CASE("sdk: UTF-8 checking", "[sdk]") {
    for (const std::string_view good :
         {"", "plain", "h\xc3\xa9llo", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xc2\x80", "\xdf\xbf",
          "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
          "\xf4\x8f\xbf\xbf"})
        CHECK(valid_utf8(good));
    for (const std::string_view bad :
         {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3(", "\xe0\x9f\xbf", "\xed\xa0\x80",
          "\xe2\x82", "\xe2(\xac", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
          "\xff", "ok\xfe", "\xf0\x9f\x98"})
        CHECK_FALSE(valid_utf8(bad));
    CHECK(valid_utf8(std::string_view("\0", 1)));
}

TEST_CASE("sdk: JSON quoting", "[sdk]") {
    CHECK(json_quote("") == R"("")");
    CHECK(json_quote("a\"b\\c/d") == R"("a\"b\\c/d")");
    CHECK(json_quote("\n\r\t\x01\x1f\x7f") == "\"\\n\\r\\t\\u0001\\u001f\x7f\"");
    CHECK(json_quote("\b\f\v") == R"("\b\f\u000b")");
    CHECK(json_quote(std::string_view("\0x", 2)) == R"("\u0000x")");
    CHECK(json_quote("h\xc3\xa9\xf0\x9f\x98\x80") == "\"h\xc3\xa9\xf0\x9f\x98\x80\"");
    CHECK(json_quote("a\xff\xe2\x82z") == R"("a\ufffd\ufffd\ufffdz")");
}

TEST_CASE("sdk: keys and hashes have two equal forms", "[sdk]") {
    const std::string hex = hp::test::make_key(0x1f2e);
    const auto key = PublicKey::from_hex(hex);
    REQUIRE(key);
    CHECK(key->hex() == hex);
    CHECK(key->bytes()[0] == 0xED);
    CHECK(key->bytes()[31] == 0x1F);
    CHECK(key->bytes()[32] == 0x2E);
    CHECK(*key == *PublicKey::from_hex(hex));
    CHECK(*key < *PublicKey::from_hex(hp::test::make_key(0x1f2f)));

    CHECK_FALSE(PublicKey::from_hex(""));
    CHECK_FALSE(PublicKey::from_hex(hex + "0"));
    CHECK_FALSE(PublicKey::from_hex(hex.substr(1)));
    CHECK_FALSE(PublicKey::from_hex(std::string("ED").append(hex, 2)));
    CHECK_FALSE(PublicKey::from_hex(std::string("g").append(hex, 1)));
    CHECK_FALSE(PublicKey::from_hex(hex.substr(0, 65) + "/"));
    CHECK(Hash().hex() == std::string(64, '0'));
    CHECK(PrivateKey::from_hex(std::string(130, '0')));
}

TEST_CASE("sdk: the random stream is fixed for all time", "[sdk]") {
    Rng zero{Hash()};
    CHECK(zero() == 12755971370500816620ULL);
    CHECK(zero() == 9759324141504608797ULL);
    Rng seeded{*Hash::from_hex("d347c1fa" + std::string(48, '7') + "00ff10e2")};
    CHECK(seeded() == 10696884251043382804ULL);
    CHECK(seeded() == 13001865944990251089ULL);
}

TEST_CASE("sdk: bounded random numbers are even", "[sdk]") {
    Rng rng{Hash()};
    std::map<std::uint64_t, int> seen;
    for (int i = 0; i < 60000; ++i)
        ++seen[rng.below(6)];
    CHECK(seen.size() == 6);
    for (const auto& [value, count] : seen) {
        CHECK(value < 6);
        CHECK(count > 9500);
        CHECK(count < 10500);
    }
    CHECK(rng.below(1) == 0);
    // More than half of the range: without rejection, small values would come twice as often.
    constexpr std::uint64_t limit = (1ULL << 63U) + 1;
    int below_half = 0;
    for (int i = 0; i < 10000; ++i) {
        const std::uint64_t value = rng.below(limit);
        REQUIRE(value < limit);
        below_half += value < limit / 2 ? 1 : 0;
    }
    CHECK(below_half > 4700);
    CHECK(below_half < 5300);
}
