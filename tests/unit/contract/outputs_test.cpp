// SPDX-License-Identifier: Apache-2.0
// User inputs and outputs through real processes (contract-protocol.md section 15, tests 22 to 36).
#include <sys/resource.h>

#include "run_fixture.hpp"

using namespace hp;
using namespace hp::contract;
using namespace hp::test;

TEST_CASE("inputs come back as outputs, per user and in order") {
    RunFixture f;
    f.spec.users.clear();
    f.add_user({"one", std::string("\0\xff\x01", 3), "", "two"});
    f.add_user({});
    f.add_user({"three"});
    const RunResult result = f.run("echo");
    REQUIRE(f.succeeded(result));
    REQUIRE(result.outputs.size() == 2);
    CHECK(result.outputs[0].key == numbered_key(1));
    CHECK(texts(result.outputs[0].messages) ==
          std::vector<std::string>{"one", std::string("\0\xff\x01", 3), "", "two"});
    CHECK(result.outputs[1].key == numbered_key(3));
    CHECK(texts(result.outputs[1].messages) == std::vector<std::string>{"three"});
    CHECK(result.stats.input_bytes == 14);
    CHECK(result.stats.output_bytes == 14);
    CHECK(result.stats.wall_us > 0);
    CHECK(result.stats.max_rss_kib > 0);
    CHECK(result.notes.empty());
}

TEST_CASE("a read request has one user and one input") {
    RunFixture f;
    f.spec.readonly = true;
    f.spec.lcl.reset();
    f.spec.users.clear();
    f.add_user({"question"});
    const RunResult result = f.run("echo");
    REQUIRE(f.succeeded(result));
    REQUIRE(result.outputs.size() == 1);
    CHECK(texts(result.outputs[0].messages) == std::vector<std::string>{"question"});
}

TEST_CASE("half a frame at the end is dropped") {
    RunFixture f;
    const RunResult result = f.run("half_frame");
    REQUIRE(f.succeeded(result));
    REQUIRE(result.outputs.size() == 1);
    CHECK(texts(result.outputs[0].messages) == std::vector<std::string>{"whole"});
    CHECK(result.notes.size() == 1);
}

TEST_CASE("an absurd header ends one user's output and disturbs nobody") {
    RunFixture f;
    f.add_user({});
    const RunResult result = f.run("huge_header");
    REQUIRE(f.succeeded(result)); // no SIGPIPE either
    REQUIRE(result.outputs.size() == 2);
    CHECK(texts(result.outputs[0].messages) == std::vector<std::string>{"before"});
    CHECK(texts(result.outputs[1].messages) == std::vector<std::string>{"fine"});
    CHECK(result.notes.size() == 1);
}

TEST_CASE("a header written a byte at a time, and empty messages") {
    RunFixture f;
    const RunResult result = f.run("slow_header");
    REQUIRE(f.succeeded(result));
    REQUIRE(result.outputs.size() == 1);
    CHECK(texts(result.outputs[0].messages) == std::vector<std::string>{"slowly", "", "after"});
}

TEST_CASE("50 MB in one message, and 131066 bytes followed by another") {
    RunFixture f;
    RunResult result = f.run("frames 1 50000000");
    REQUIRE(f.succeeded(result));
    REQUIRE(result.outputs.size() == 1);
    CHECK(result.outputs[0].messages.at(0) == Bytes(50'000'000, '0'));
    CHECK(result.stats.output_bytes == 50'000'000);
    result = f.run("frames 3 131066");
    REQUIRE(f.succeeded(result));
    REQUIRE(result.outputs[0].messages.size() == 3);
    CHECK(result.outputs[0].messages[2] == Bytes(131'066, '2'));
}

TEST_CASE("user_output_bytes gives the same messages to fast and slow contracts") {
    RunFixture f;
    f.add_user({});
    f.spec.limits.user_output_bytes = 500;
    for (const char* args : {"frames 20 100", "frames 20 100 2000"}) {
        const RunResult result = f.run(args);
        REQUIRE(f.succeeded(result)); // writing on is no error
        REQUIRE(result.outputs.size() == 2);
        CHECK(result.outputs[0].messages.size() == 4);
        CHECK(result.outputs[1].messages.size() == 4);
        CHECK(result.outputs[0].messages[3] == Bytes(100, '3'));
        CHECK(result.notes.size() == 2);
    }
}

TEST_CASE("20 000 inputs of one user in one run") {
    RunFixture f;
    f.spec.users.clear();
    std::vector<std::string> inputs;
    for (int i = 0; i < 20'000; ++i) {
        inputs.push_back("input " + std::to_string(i));
    }
    f.add_user(inputs);
    CHECK(f.succeeded(f.run("check_inputs 20000")));
}

TEST_CASE("1000 users") {
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    RunFixture f;
    f.spec.users.clear();
    for (int i = 0; i < 1000; ++i) {
        f.add_user({"input " + std::to_string(i)});
    }
    CHECK(f.succeeded(f.run("check_inputs 1000")));
    const RunResult result = f.run("echo");
    REQUIRE(f.succeeded(result));
    REQUIRE(result.outputs.size() == 1000);
    for (std::uint32_t i = 0; i < 1000; ++i) {
        REQUIRE(result.outputs[i].key == numbered_key(i + 1));
        REQUIRE(texts(result.outputs[i].messages) ==
                std::vector<std::string>{"input " + std::to_string(i)});
    }
}

TEST_CASE("neither inputs nor the document can be changed") {
    RunFixture f;
    f.spec.users.clear();
    f.add_user({"input"});
    CHECK(f.succeeded(f.run("write_inputs")));
}

TEST_CASE("outputs made before a crash are kept") {
    RunFixture f;
    const RunResult result = f.run("crash");
    CHECK(result.end == RunEnd::signaled);
    CHECK(result.code == SIGSEGV);
    CHECK(describe(result) == "killed by signal 11 (SIGSEGV)");
    REQUIRE(result.outputs.size() == 1);
    CHECK(texts(result.outputs[0].messages) == std::vector<std::string>{"last words"});
    CHECK(read_text(f.state / "crash.txt") == "crashing\n");
}
