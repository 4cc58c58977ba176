// SPDX-License-Identifier: Apache-2.0
//
// NPL of the C contract library: what it sends, and how it reads a channel that ends, stutters or
// carries something else.
//
// Threads: one.
#include "c_run.hpp"

using namespace hp::test;

namespace {

/// No echo: a socket that is closed with something unread makes the host lose what it has not read.
RunOutcome run_npl(Strings args, Strings packets = {}) {
    const std::string program = GENERATE(from_range(api_programs()));
    RunSpec spec = make_api_run(program, std::move(args));
    spec.npl_packets = std::move(packets);
    spec.npl_echo = false;
    const RunOutcome run = run_process(spec);
    CHECK(run.signal == 0);
    CHECK(run.exit_code == 0);
    return run;
}

} // namespace

TEST_CASE("c npl: sizes", "[c]") {
    const RunOutcome run = run_npl({"npl_sizes"});
    CHECK(run.out == "empty: 0\none: 1\npieces: 3\nlargest: 131072\ntoo large: -1 EMSGSIZE\n"
                     "null: -1 EINVAL\n");
    REQUIRE(run.npl.size() == 3);
    CHECK(run.npl[0] == "1");
    CHECK(run.npl[1] == "abc");
    CHECK((run.npl[2] == std::string(131072, 'n')));
}

TEST_CASE("c npl: messages that wait when the contract starts", "[c]") {
    const RunOutcome run =
        run_npl({"npl_read", "3", "0"}, {make_key(1), "one", make_key(2), std::string("\0", 1)});
    CHECK(run.out == std::string("3 one 0001\n1 \0 0002\nread: 0\n", 28));
}

TEST_CASE("c npl: what was sent before the end is delivered, then the end", "[c]") {
    CHECK(run_npl({"npl_ended"}).out ==
          "5 first 0001\n6 second 0002\nread: -1 EPIPE\nread: -1 EPIPE\nsend: -1 EPIPE\n");
    CHECK(run_npl({"npl_ended_unread"}).out ==
          "send: 6\n5 first 0001\n6 second 0002\nread: -1 EPIPE\nsend: -1 EPIPE\n");
    CHECK(run_npl({"npl_ended_inside"}).out == "read: -1 EPIPE\nread: -1 EPIPE\n");
}

TEST_CASE("c npl: a late second packet is not lost and not mistaken for a key", "[c]") {
    CHECK(run_npl({"npl_late"}).out ==
          "read: 0\nread: 0\nread: 0\n4 late 000a\n4 next 000b\nread: 0\n");
}

TEST_CASE("c npl: a negative timeout waits", "[c]") {
    CHECK(run_npl({"npl_forever"}).out == "7 at last 000f\n");
}

TEST_CASE("c npl: packets that are no keys or too long, messages that look like keys", "[c]") {
    CHECK(run_npl({"npl_odd_packets"}).out ==
          "read: -1 EPROTO\n66 ed000000000000000000 0001\nread: -1 EMSGSIZE\n"
          "131072 bbbbbbbbbbbbbbbbbbbb 0004\n3 end 0005\nread: 0\n");
}
