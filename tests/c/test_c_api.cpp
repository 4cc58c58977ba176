// SPDX-License-Identifier: Apache-2.0
//
// Context, inputs, outputs, peers and life cycle of the C contract library.
//
// Threads: one.
#include "c_run.hpp"

#include <fcntl.h>
#include <unistd.h>

using namespace hp::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

std::string alphabet(std::size_t size) {
    std::string text(size, ' ');
    for (std::size_t i = 0; i < size; ++i)
        text[i] = static_cast<char>('a' + i % 26);
    return text;
}

RunOutcome run_for_user(Strings args, Strings inputs = {}) {
    const std::string program = GENERATE(from_range(api_programs()));
    RunSpec spec = make_api_run(program, std::move(args));
    spec.users = {{make_key(1), std::move(inputs)}};
    return run_process(spec);
}

} // namespace

TEST_CASE("c context: consensus mode", "[c]") {
    const std::string program = GENERATE(from_range(api_programs()));
    RunSpec spec = make_api_run(program, {"context"});
    spec.users = {{make_key(1), {}}, {make_key(2), {"a", "b"}}};
    const RunOutcome run = run_process(spec);
    CHECK(run.err.empty());
    CHECK(run.exit_code == 0);
    CHECK(run.out == "readonly 0\ntimestamp 1795212533671\n"
                     "contract_id 71216897-7ae3-4c4d-8c62-7b38d7f7db60\npublic_key " +
                         node_key() + "\nprivate_key " + node_private_key() +
                         "\nlcl_seq_no 13\nlcl_hash " + lcl_hash() + "\nnpl 1\nin 1\nuser " +
                         make_key(1) + " 0\nuser " + make_key(2) + " 2\nnode " + node_key() +
                         " 1795212534477\n");
    CHECK(run.control == Strings{R"({"type":"contract_end"})"});
}

TEST_CASE("c context: read-only mode has nothing of a ledger", "[c]") {
    const std::string program = GENERATE(from_range(api_programs()));
    RunSpec spec = make_api_run(program, {"context"});
    spec.users = {{make_key(1), {"q"}}};
    spec.readonly = true;
    const RunOutcome run = run_process(spec);
    CHECK(run.exit_code == 0);
    CHECK_THAT(run.out, StartsWith("readonly 1\ntimestamp 0\n"));
    CHECK_THAT(run.out, Contains("\nlcl_seq_no 0\nlcl_hash \nnpl 0\nin 1\nuser " + make_key(1) +
                                 " 1\nnode " + node_key()));
    for (const char* command : {"npl_sizes", "npl_read"}) {
        spec.args = {command};
        CHECK_THAT(run_process(spec).out, Contains("-1 ENOTCONN"));
    }
}

TEST_CASE("c context: a thousand nodes and users that come unsorted", "[c]") {
    const std::string program = GENERATE(from_range(api_programs()));
    RunSpec spec = make_api_run(program, {"context"});
    spec.users = {{make_key(3), {"x"}}, {make_key(1), {"y", "z"}}, {make_key(2), {}}};
    spec.edit_document = [](std::string text) {
        std::string unl = "\"unl\":{";
        for (unsigned node = 1000; node > 0; --node)
            unl += "\"" + make_key(node) + "\":{\"active_on\":" + std::to_string(node) + "},";
        return replaced(std::move(text), "\"unl\":{", unl);
    };
    const RunOutcome run = run_process(spec);
    CHECK(run.exit_code == 0);
    CHECK_THAT(run.out, Contains("user " + make_key(1) + " 2\nuser " + make_key(2) + " 0\nuser " +
                                 make_key(3) + " 1\nnode " + make_key(1) + " 1\nnode " +
                                 make_key(2) + " 2\n"));
    CHECK_THAT(run.out, Contains("node " + make_key(1000) + " 1000\n"));
}

TEST_CASE("c inputs: zeros behind each, also behind the last", "[c]") {
    const std::string page(4096, 'p');
    const RunOutcome run = run_for_user({"inputs"}, {"abc", "", std::string("a\0b", 3), page});
    CHECK(run.exit_code == 0);
    CHECK(run.out == "map 1, same 1\n3 3\n0 1\n3 1\n4096 4096\n");
    CHECK(run_for_user({"inputs"}).out == "map 0, same 1\n");
}

TEST_CASE("c outputs: pieces, empty and large messages", "[c]") {
    for (const std::size_t count : {0U, 1U, 2U, 63U, 64U, 65U, 1000U, 2000U}) {
        std::size_t size = 0;
        for (std::size_t i = 0; i < count; ++i)
            size += i % 3;
        const RunOutcome run = run_for_user({"pieces", std::to_string(count)});
        CHECK(run.out == "writev: " + std::to_string(size + 4) + "\nempty: 4\n");
        CHECK(split_messages(run.outputs.at(make_key(1))) == Strings{alphabet(size), ""});
    }
    const RunOutcome run = run_for_user({"big", "52428800"});
    CHECK(run.out == "write: 52428804\nwrite: 7\n");
    const bool intact =
        split_messages(run.outputs.at(make_key(1))) == Strings{alphabet(52428800), "end"};
    CHECK(intact); // not compared inside CHECK, which would print all of it
}

TEST_CASE("c outputs: partial writes, signals, non-blocking descriptors", "[c]") {
    const std::string program = GENERATE(from_range(api_programs()));
    const std::string command = GENERATE("big", "interrupted", "nonblocking");
    RunSpec spec = make_api_run(program, {command, "3000000"});
    spec.users = {{make_key(1), {}}};
    spec.output_buffer_bytes = 4608;
    spec.output_chunk_bytes = 3001;
    const RunOutcome run = run_process(spec);
    CHECK(run.signal == 0);
    CHECK(run.exit_code == 0);
    const bool intact =
        split_messages(run.outputs.at(make_key(1))) == Strings{alphabet(3000000), "end"};
    CHECK(intact);
    CHECK(run.out == std::string("write: 3000004\nwrite: 7\n") +
                         (command == "interrupted" ? "read: 0\nwaited 1\n" : ""));
}

TEST_CASE("c outputs: a node that takes no more is an error, never a signal", "[c]") {
    const std::string program = GENERATE(from_range(api_programs()));
    RunSpec spec = make_api_run(program, {"closed"});
    spec.users = {{make_key(1), {}}};
    spec.output_bytes_max = 300000;
    const RunOutcome run = run_process(spec);
    CHECK(run.signal == 0);
    CHECK(run.exit_code == 0);
    CHECK(run.out == "write: -1 EPIPE\nwrite: -1 EPIPE\n");
}

TEST_CASE("c outputs: nothing follows a message that could not be completed", "[c]") {
    const RunOutcome run = run_for_user({"broken"});
    CHECK(run.out == "writev: -1 EFAULT\nwrite: -1 EPIPE\n");
    CHECK(split_messages(run.outputs.at(make_key(1))) == Strings{"<partial>"});
}

TEST_CASE("c outputs: bad arguments send nothing", "[c]") {
    const RunOutcome run = run_for_user({"bad_arguments"});
    CHECK(run.out == "too long: -1 EMSGSIZE\noverflow: -1 EMSGSIZE\nnegative: -1 EINVAL\n"
                     "no pieces: -1 EINVAL\nno user: -1 EINVAL\ngood: 5\n");
    CHECK(split_messages(run.outputs.at(make_key(1))) == Strings{"x"});
}

TEST_CASE("c peers: order, escapes, limits", "[c]") {
    const std::string program = GENERATE(from_range(api_programs()));
    const auto ask = [&program](Strings args) {
        args.insert(args.begin(), "peers");
        const RunOutcome run = run_process(make_api_run(program, std::move(args)));
        return run.out + (run.control.size() > 1 ? run.control[0] : "");
    };
    const std::string sent = "peers: 0\n{\"type\":\"peer_changeset\",\"add\":";
    CHECK(ask({}) == sent + R"([],"remove":[]})");
    CHECK(ask({"a:1", "b.example:65535"}) == sent + R"(["a:1","b.example:65535"],"remove":[]})");
    CHECK(ask({"a:1", "--", "b:2", "c:3"}) == sent + R"(["a:1"],"remove":["b:2","c:3"]})");
    CHECK(ask({"a:1", "--", "*"}) == sent + R"(["a:1"],"remove":"*"})");
    CHECK(ask({"a\"],\"x\\:1"}) == sent + R"(["a\"],\"x\\:1"],"remove":[]})");
    CHECK(ask({"h\xc3\xb6st:1"}) == sent + "[\"h\xc3\xb6st:1\"],\"remove\":[]}");
    for (const char* bad : {"", "a", ":1", "a:", "a:0", "a:65536", "a:99999999999999999999", "a:1 ",
                            "a:x", "a:+1", "a b:1", "a:1:2", "::1", "a\n:1", "\xff:1", "*"})
        CHECK(ask({bad}) == "peers: -1 EINVAL\n");
    CHECK(ask({"--", "a:1", "*"}) == "peers: -1 EINVAL\n");

    const RunOutcome most = run_process(make_api_run(program, {"peers_count", "7279"}));
    CHECK(most.out == "peers: 0\n");
    CHECK(most.control.at(0).size() == 131067);
    const RunOutcome over = run_process(make_api_run(program, {"peers_count", "7280"}));
    CHECK(over.out == "peers: -1 EMSGSIZE\n");
    CHECK(over.control == Strings{R"({"type":"contract_end"})"});
}

TEST_CASE("c life cycle: wrong orders are errors", "[c]") {
    const RunOutcome run = run_for_user({"twice"}, {"x"});
    CHECK(run.exit_code == 0);
    CHECK(run.out == "init: -1 EALREADY\nsame 1\ndeinit: 0\ncontext 0\nmap: -1 ENOTCONN\n"
                     "npl: -1 ENOTCONN\npeers: -1 ENOTCONN\ndeinit: -1 ENOTCONN\n"
                     "init: -1 EINVAL\n");
    CHECK_THAT(run.err, Contains("standard input is empty"));
    CHECK(run.control == Strings{R"({"type":"contract_end"})"});
}

TEST_CASE("c life cycle: a child process cannot end the channels", "[c]") {
    const RunOutcome run = run_for_user({"child"});
    CHECK(run.out == "child 0\nsend: 15\n15 after the child\n");
    CHECK(run.control == Strings{R"({"type":"contract_end"})"});
}

TEST_CASE("c life cycle: all source files share the contract, C++ too", "[c]") {
    CHECK(run_for_user({"files"}).out == "users 1 1 1\n");
}

TEST_CASE("c life cycle: a terminal is no node", "[c]") {
    const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
    REQUIRE(terminal >= 0);
    REQUIRE(::grantpt(terminal) == 0);
    REQUIRE(::unlockpt(terminal) == 0);
    const int user_side = ::open(::ptsname(terminal), O_RDWR | O_NOCTTY);
    REQUIRE(user_side >= 0);
    RunSpec spec = make_api_run(HP_API_CONTRACT, {"context"});
    spec.stdin_fd = user_side;
    const RunOutcome run = run_process(spec);
    ::close(user_side);
    ::close(terminal);
    CHECK(run.exit_code == 1);
    CHECK(run.out == "init: -1 ENOTSUP\n");
    CHECK_THAT(run.err, Contains("a node starts it"));
}
