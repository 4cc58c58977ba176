// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "hp/base/log.hpp"

using namespace hp;

namespace {

struct Lines final : LogSink {
    std::vector<std::string> all;
    void write(LogLevel level, std::string_view module, std::string_view text) override {
        all.push_back(std::string(to_string(level)) + "|" + std::string(module) + "|" +
                      std::string(text));
    }
};

} // namespace

TEST_CASE("lines carry level, module and quoted values; lower levels are dropped") {
    const auto lines = std::make_shared<Lines>();
    const Log log(lines, LogLevel::info, "node");
    log.debug("not shown");
    log.info("started", {{"port", 8080}, {"name", "a b"}});
    log.module("user").warning("bad", {{"why", "line\nbreak \"x\""}});
    REQUIRE(lines->all.size() == 2);
    CHECK(lines->all[0] == "inf|node|started port=8080 name=\"a b\"");
    CHECK(lines->all[1] == "wrn|user|bad why=\"line?break \\\"x\\\"\"");
    Log{}.error("goes nowhere");
}

TEST_CASE("the limiter lets a burst through, then counts in silence for a minute") {
    LogLimiter limiter(3);
    for (int i = 0; i < 3; ++i) {
        CHECK(limiter.admit("host", 1000 + i) == 0);
    }
    for (int i = 0; i < 10; ++i) {
        CHECK_FALSE(limiter.admit("host", 2000));
    }
    CHECK(limiter.admit("other", 2000) == 0);
    CHECK(limiter.admit("host", 61'001) == 10);
}
