// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "contract/source_scan.hpp"

namespace hp::dev {
namespace {

std::vector<std::string> found(std::string_view text, SourceKind kind) {
    std::set<Suspect> suspects;
    scan_text(text, kind, "f", suspects);
    std::vector<std::string> out;
    for (const Suspect& one : suspects) {
        out.push_back(one.what + " " + one.where);
    }
    return out;
}

using Strings = std::vector<std::string>;

TEST_CASE("suspicious words of JavaScript are found with their lines") {
    CHECK(found("const a = 1;\nconst b = Math.random();\n", SourceKind::javascript) ==
          Strings{"Math.random() f:2"});
    CHECK(found("let t = new  Date ( );", SourceKind::javascript) == Strings{"new Date() f:1"});
    CHECK(found("let t = new Date(ctx.timestamp);", SourceKind::javascript).empty());
}

TEST_CASE("comments and texts in quotes are no code") {
    CHECK(
        found("// Math.random()\n/* Date.now()\nDate.now() */\n", SourceKind::javascript).empty());
    CHECK(found("print(\"Math.random()\"); // '\nDate.now();", SourceKind::javascript) ==
          Strings{"Date.now() f:2"});
    CHECK(found("const a = `\nDate.now()\n`; Date.now();", SourceKind::javascript) ==
          Strings{"Date.now() f:3"});
    CHECK(found("int a = '\"'; time(nullptr); // \"", SourceKind::c) == Strings{"time() f:1"});
}

TEST_CASE("names that only look alike are no suspects") {
    CHECK(found("ledger.time(0); p->time(0); my_time(0); runtime(0);", SourceKind::c).empty());
    CHECK(found("::time(0);", SourceKind::c) == Strings{"time() f:1"});
    CHECK(found("std::random_device d;", SourceKind::c) == Strings{"std::random_device f:1"});
    CHECK(found("open(\"/dev/urandom\", O_RDONLY)", SourceKind::c) == Strings{"/dev/urandom f:1"});
}

TEST_CASE("kinds of sources go by the ends of their names") {
    CHECK(source_kind("a/b.mjs") == SourceKind::javascript);
    CHECK(source_kind("a.hpp") == SourceKind::c);
    CHECK(source_kind("a.json") == SourceKind::none);
}

} // namespace
} // namespace hp::dev
