// SPDX-License-Identifier: Apache-2.0
//
// hotpocket_helpers.h, by a contract that calls it.
//
// Threads: one.
#include "c_run.hpp"

#include <sys/stat.h>

using namespace hp::test;

namespace {

RunOutcome run_with(const StateDir& dir, Strings inputs) {
    RunSpec spec;
    spec.program = HP_HELPERS_CONTRACT;
    spec.directory = dir.path();
    spec.users = {{make_key(1), std::move(inputs)}};
    return run_process(spec);
}

Strings ask(const StateDir& dir, Strings inputs) {
    const RunOutcome run = run_with(dir, std::move(inputs));
    CHECK(run.exit_code == 0);
    return split_messages(run.outputs.at(make_key(1)));
}

} // namespace

TEST_CASE("helpers: texts", "[c]") {
    const StateDir dir;
    using namespace std::string_literals;
    CHECK(ask(dir, {"quot a\"b\\c\n\x0b/\x7f\xc3\xa4"s, "utf8 \xc3\xa4", "utf8 \xc0\x80",
                    "utf8 \xed\xa0\x80", "utf8 \xc3", "spli a b c d", "spli a"}) ==
          Strings{"\"a\\\"b\\\\c\\n\\u000b/\x7f\xc3\xa4\"", "yes", "no", "no", "no", "4:b", "1"});
    CHECK(ask(dir, {"numb 9223372036854775807", "numb -9223372036854775808", "numb -0",
                    "numb 9223372036854775808", "numb -9223372036854775809", "numb -", "numb ",
                    "numb 1x", "numb +1"}) == Strings{"9223372036854775807", "-9223372036854775808",
                                                      "0", "no", "no", "no", "no", "no", "no"});
    CHECK(
        ask(dir, {"hash abc", "hash "s + std::string(64, 'a'), "hash "s + std::string(55, 'a')}) ==
        Strings{"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb",
                "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"});
}

TEST_CASE("helpers: files", "[c]") {
    const StateDir dir;
    CHECK(run_with(dir, {}).exit_code == 7); // no input is no error
    CHECK(ask(dir, {"load none", "save 1234567", "load file", "save 12345678", "load file"}) ==
          Strings{"0", "yes", "7", "yes", "-1"});
    CHECK(dir.read("file") == "12345678");
    struct stat info {};
    REQUIRE(::stat((dir.path() + "/file").c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0644);
    dir.write("a", "");
    dir.write("Z", "");
    dir.write(".hidden", "");
    CHECK(ask(dir, {"list"}) == Strings{".hidden;Z;a;file;"});
    REQUIRE(::mkdir((dir.path() + "/file.tmp").c_str(), 0755) == 0);
    CHECK(ask(dir, {"save x"}) == Strings{"no"});
    CHECK(dir.read("file") == "12345678");
}
