// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "hp/base/utf8.hpp"

using namespace hp;

TEST_CASE("only well-formed UTF-8 is accepted") {
    for (const char* good : {"", "plain", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
                             "\xEF\xBF\xBF", "\xF4\x8F\xBF\xBF", "\xED\x9F\xBF"}) {
        CHECK(is_utf8(good));
    }
    for (const char* bad : {"\x80", "\xC3", "\xC0\xAF", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80",
                            "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF",
                            "\xE2\x82", "\xE2\x28\xA1", "a\xC3(", "\xF0\x9F\x98"}) {
        CHECK_FALSE(is_utf8(bad));
    }
}
