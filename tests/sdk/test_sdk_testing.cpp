// SPDX-License-Identifier: Apache-2.0
//
// The testing library itself: what contract authors rely on in their tests.
//
// Threads: one.
#include "fixtures.hpp"

#include <hp/contract/config.hpp>
#include <hp/contract/files.hpp>
#include <hp/contract/json.hpp>
#include <hp/contract/post_exec.hpp>

#include <chrono>
#include <stdexcept>
#include <thread>

#include <catch2/catch.hpp>
#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace hp::contract;
using namespace hp::test;
using Catch::Matchers::Contains;
using hp::contract::testing::make_hash;

namespace {

using Texts = std::vector<std::string>;

/// Keeps all inputs in a file and answers with what it can see of the ledger.
void record(Context& c) {
    std::string all = read_file("all.txt").value_or("");
    for (User& user : c.users())
        for (const Input& input : user.inputs()) {
            all.append(input.text()).append("\n");
            user.send(std::to_string(c.lcl_seq_no().value_or(0)) + " " +
                      std::to_string(c.timestamp_ms()) + " " + std::string(input.text()));
        }
    if (!c.readonly())
        CHECK(replace_file("all.txt", all));
}

int open_descriptors() {
    int count = 0;
    for (int fd = 0; fd < 1024; ++fd)
        count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    return count;
}

} // namespace

TEST_CASE("testing: ledgers follow each other, state stays", "[sdk][testing]") {
    TestNode node(record);
    CHECK(node.lcl_seq_no() == 1);
    const auto first = node.round({{"alice", {"a", "b"}}, {"bob", {}}, {"carol", {"c"}}});
    CHECK(first.exit_code == 0);
    CHECK(first.answers("alice") == Texts{"2 1700000002000 a", "2 1700000002000 b"});
    CHECK(first.answers("bob").empty());
    CHECK(first.answers("carol") == Texts{"2 1700000002000 c"});
    CHECK(first.answers("nobody").empty());
    CHECK(first.control == Texts{R"({"type":"contract_end"})"});
    CHECK_THAT(first.document, Contains("\"lcl_seq_no\":2,\"lcl_hash\":\"" + make_hash(2)));
    CHECK(node.round().outputs.empty());
    CHECK(node.round({{"bob", {"d"}}}).answers("bob") == Texts{"4 1700000004000 d"});
    CHECK(node.lcl_seq_no() == 4);
    const auto all = node.state().read("all.txt");
    CHECK((all == "a\nb\nc\nd\n" || all == "c\na\nb\nd\n")); // users in the order of their keys
    CHECK(node.state().list() == "all.txt");

    const auto read = node.read("alice", "x");
    CHECK(read.answers("alice") == Texts{"0 0 x"});
    CHECK_FALSE(read.changed_files_in_read);
    CHECK(node.lcl_seq_no() == 4);
}

TEST_CASE("testing: nothing is random", "[sdk][testing]") {
    std::string documents;
    for (int i = 0; i < 2; ++i) {
        TestNode node(record, {.number = 2, .unl_size = 3, .roundtime_ms = 500});
        const auto run = node.round({{"alice", {"a"}}});
        // Descriptors differ, as on real nodes; all else is the same.
        const std::string stable = run.document.substr(0, run.document.find("\"npl_fd\"")) +
                                   run.document.substr(run.document.find("\"unl\""));
        CHECK_THAT(stable, Contains("\"timestamp\":1700000001000"));
        CHECK_THAT(stable, Contains(TestNode::node_key(3)));
        CHECK((documents.empty() || documents == stable));
        documents = stable;
    }
    CHECK(make_key("alice") == make_key("alice"));
    CHECK(make_key("alice") != make_key("bob"));
    CHECK(make_key("alice").size() == 66);
    CHECK(make_key(255) == "ed" + std::string(62, '0') + "ff");
    CHECK(make_hash(1) != make_hash(2));
    CHECK(Hash::from_hex(make_hash(0)));
}

TEST_CASE("testing: two nodes show what is not deterministic", "[sdk][testing]") {
    const auto answers_of = [](const Handler& handler, unsigned number) {
        TestNode node(handler, {.number = number, .unl_size = 2});
        return node.round({{"alice", {"x"}}}).answers("alice");
    };
    const Handler good = [](Context& c) { c.users().list()[0].send(std::to_string(c.rng()())); };
    CHECK(answers_of(good, 1) == answers_of(good, 2));
    const Handler own_key = [](Context& c) { c.users().list()[0].send(c.public_key().hex()); };
    CHECK(answers_of(own_key, 1) != answers_of(own_key, 2));
    const Handler active = [](Context& c) {
        c.users().list()[0].send(std::to_string(c.unl().list()[0].active_on_ms));
    };
    CHECK(answers_of(active, 1) != answers_of(active, 2));
}

TEST_CASE("testing: a handler that throws, an exit code", "[sdk][testing]") {
    const auto thrown = run_handler(
        [](Context& c) {
            c.users().list()[0].send("before");
            throw std::runtime_error("no disk");
        },
        RunSpec{.users = {{make_key(1), {}}}});
    CHECK(thrown.exit_code == exit_handler_failed);
    CHECK(thrown.failure == "the handler failed: no disk");
    CHECK(thrown.messages(make_key(1)) == Texts{"before"});

    CHECK(run_handler([](Context& c) { c.set_exit_code(7); }, RunSpec()).exit_code == 7);
    CHECK(run_handler([](Context& c) { c.set_exit_code(-1); }, RunSpec()).exit_code == 1);
    CHECK(run_handler([](Context& c) { c.set_exit_code(256); }, RunSpec()).exit_code == 1);
    const auto both = run_handler(
        [](Context& c) {
            c.set_exit_code(7);
            throw 5;
        },
        RunSpec());
    CHECK(both.exit_code == exit_handler_failed);
    CHECK_THAT(both.failure, Contains("no std::exception"));
    const std::string long_text(10'000, 'x');
    CHECK_THAT(
        run_handler([&](Context&) { throw std::runtime_error(long_text); }, RunSpec()).failure,
        Contains("xxx"));
}

TEST_CASE("testing: the caller's directory, umask and descriptors come back", "[sdk][testing]") {
    const mode_t old_umask = ::umask(027);
    char before[4096];
    REQUIRE(::getcwd(before, sizeof before) != nullptr);
    const int open_before = open_descriptors();
    TestNode node([](Context& c) {
        CHECK(::umask(077) == 022);
        CHECK(::chdir("/") == 0);
        c.users().list()[0].send("x");
        throw 1;
    });
    CHECK(node.round({{"alice", {"x"}}}).answers("alice") == Texts{"x"});
    char after[4096];
    REQUIRE(::getcwd(after, sizeof after) != nullptr);
    CHECK(std::string(before) == after);
    CHECK(::umask(old_umask) == 027);
    CHECK(open_descriptors() == open_before);
}

TEST_CASE("testing: outputs larger than any buffer, in this process", "[sdk][testing]") {
    const std::string large(5'000'000, 'L');
    RunSpec spec;
    spec.users = {{make_key(1), {}}, {make_key(2), {large}}};
    spec.output_buffer_bytes = 4608;
    spec.output_chunk_bytes = 1999;
    const auto run = run_handler(
        [](Context& c) {
            for (User& user : c.users())
                CHECK_FALSE(user.send(c.users().list()[1].inputs()[0].bytes()));
        },
        spec);
    CHECK((run.messages(make_key(1)) == Texts{large}));
    CHECK((run.messages(make_key(2)) == Texts{large}));
}

TEST_CASE("testing: an input of 64 MiB comes back", "[sdk][testing]") {
    TestNode node([](Context& c) {
        for (User& user : c.users())
            CHECK_FALSE(user.send(user.inputs()[0].bytes()));
    });
    const std::string huge(64UL << 20U, 'H');
    const auto run = node.round({{"alice", {huge}}});
    CHECK(run.failure.empty());
    CHECK((run.answers("alice") == Texts{huge}));
}

TEST_CASE("testing: a handler beyond its time finds its channels closed", "[sdk][testing]") {
    RunSpec spec;
    spec.users = {{make_key(1), {}}};
    spec.timeout_ms = 50;
    const auto run = run_handler(
        [](Context& c) {
            CHECK(c.npl().receive(20'000).status == NplStatus::closed);
            CHECK(c.users().list()[0].send("late") == std::errc::broken_pipe);
        },
        spec);
    CHECK(run.timed_out);
    CHECK(run.exit_code == 0);
    CHECK(run.messages(make_key(1)).empty());
}

TEST_CASE("testing: other nodes on the party line", "[sdk][testing]") {
    RunSpec spec;
    spec.npl_peers = {{make_key(5), {"hello"}, [](std::string_view message) {
                           return Texts{"you said " + std::string(message)};
                       }}};
    const auto run = run_handler(
        [](Context& c) {
            CHECK(c.npl().receive(9000).message->text() == "hello");
            CHECK_FALSE(c.npl().send("hi"));
            const auto echo = c.npl().receive(9000);
            CHECK(echo.message->from_self);
            CHECK(echo.message->text() == "hi");
            const auto answer = c.npl().receive(9000);
            CHECK(answer.message->sender.hex() == make_key(5));
            CHECK(answer.message->text() == "you said hi");
        },
        spec);
    CHECK(run.failure.empty());
    CHECK(run.npl == Texts{"hi"});
    // More than the socket holds, and a contract that does not care.
    spec.npl_peers = {{make_key(5), Texts(20, std::string(131072, 'n')), {}}};
    CHECK(run_handler([](Context&) {}, spec).exit_code == 0);
}

TEST_CASE("testing: a specification that no node could give", "[sdk][testing]") {
    RunSpec spec;
    spec.node_key = "me";
    const int open_before = open_descriptors();
    const auto run = run_handler([](Context&) { FAIL("must not be called"); }, spec);
    CHECK(run.exit_code == exit_bad_start);
    CHECK_THAT(run.failure, Contains("66 lowercase hex digits"));
    CHECK(open_descriptors() == open_before);
}

TEST_CASE("testing: a read request that writes is found out", "[sdk][testing]") {
    for (const char* name : {"state.txt", "../private.txt"}) {
        TestNode node([name](Context&) { CHECK(replace_file(name, "x")); });
        CHECK(node.read("alice", "x").changed_files_in_read);
        CHECK_FALSE(node.read("alice", "x").changed_files_in_read); // writes the same again
    }
}

TEST_CASE("testing: post_exec.sh and its exit codes", "[sdk][testing]") {
    int code = 0;
    TestNode node([&code](Context& c) {
        c.users().list()[0].send("x");
        CHECK(
            write_post_exec(c, "#!/bin/sh\necho \"$1|$#|$HP_LCL_SEQ_NO|$HP_LCL_HASH|$HOME\" > ran\n"
                               "exit " +
                                   std::to_string(code) + "\n"));
    });
    const auto round = [&node, &code](int exit_code) {
        code = exit_code;
        return node.round({{"alice", {}}});
    };
    auto run = round(0);
    CHECK(run.post_exec_exit_code == 0);
    CHECK(run.answers("alice") == Texts{"x"});
    CHECK(node.state().list() == "ran");
    CHECK(node.state().read("ran") == "2 " + make_hash(2) + "|1|2|" + make_hash(2) + "|\n");
    for (const int kept : {3, 125}) {
        CHECK(round(kept).answers("alice") == Texts{"x"});
        CHECK(node.state().list() == "post_exec.sh ran");
    }
    for (const int failed : {1, 2, 126, 200}) {
        run = round(failed);
        CHECK(run.post_exec_exit_code == failed);
        CHECK(run.answers("alice").empty());
        CHECK(node.state().list() == "post_exec.sh ran");
    }
    TestNode hanging([](Context& c) { CHECK(write_post_exec(c, "#!/bin/sh\nsleep 60\n")); });
    hanging.spec.timeout_ms = 100;
    CHECK(hanging.round().post_exec_exit_code == 128 + SIGKILL);
}

TEST_CASE("testing: a program as a node", "[sdk][testing]") {
    TestNode node(HP_STARTER_CONTRACT);
    CHECK(node.round({{"alice", {"add 5"}}}).answers("alice") == Texts{R"({"total":5,"text":""})"});
    const auto read = node.read("bob", "get");
    CHECK(read.answers("bob") == Texts{R"({"total":5,"text":""})"});
    CHECK_FALSE(read.changed_files_in_read);
    CHECK(node.state().files() == std::map<std::string, std::string>{{"total.txt", "5"}});
    CHECK(decode_config(*node.state().read("../patch.cfg"))->unl.size() == 1);

    TestNode missing("/no/such/program");
    CHECK(missing.round().exit_code == 125);
}

TEST_CASE("testing: a changed patch.cfg is in force from the next round on", "[sdk][testing]") {
    std::vector<std::uint64_t> active;
    std::string patch;
    TestNode node(
        [&](Context& c) {
            active.clear();
            for (const UnlNode& member : c.unl())
                active.push_back(member.active_on_ms);
            if (!patch.empty())
                CHECK(replace_file(std::string(config_path), patch));
        },
        {.number = 1, .unl_size = 2});
    Config config = *decode_config(*node.state().read("../patch.cfg"));
    config.unl.push_back(*PublicKey::from_hex(make_key(1)));
    config.unl.erase(config.unl.begin());
    patch = encode_config(config);
    CHECK(node.round().failure.empty());
    CHECK(active == std::vector<std::uint64_t>{1700000002448, 1700000002485});
    node.round();
    CHECK(active == std::vector<std::uint64_t>{0, 1700000003485}); // the new member comes first
    patch = "{garbage";
    node.round();
    node.round();
    CHECK(active == std::vector<std::uint64_t>{0, 1700000005485});
}

TEST_CASE("testing: the environment of patch.cfg reaches a program", "[sdk][testing]") {
    TestNode node(HP_PROBE_CONTRACT);
    Config config = *decode_config(*node.state().read("../patch.cfg"));
    config.environment = {{"B", "2"}, {"A", "1"}};
    node.state().write("../patch.cfg", encode_config(config));
    node.spec.environment = {"C=3"};
    CHECK(node.round({{"alice", {"env"}}}).answers("alice") == Texts{"C=3\nB=2\nA=1"});
}

TEST_CASE("testing: children in the background end with the run", "[sdk][testing]") {
    const StateDir dir;
    dir.write("run.sh",
              "#!/bin/sh\n(while true; do echo tick >> ticks; sleep 0.02; done) &\n"
              "while ! test -s ticks; do sleep 0.01; done\n",
              0755);
    RunSpec spec;
    spec.program = "./run.sh";
    spec.directory = dir.path();
    spec.environment = {"PATH=/usr/bin:/bin"};
    CHECK(run_process(spec).exit_code == 0);
    const auto ticks = dir.read("ticks");
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    CHECK(dir.read("ticks") == ticks);
}

TEST_CASE("testing: directories go when the test is over", "[sdk][testing]") {
    std::string path;
    {
        const StateDir dir;
        path = dir.path();
        dir.write("a", "1", 0600);
        CHECK(dir.read("a") == "1");
        CHECK_FALSE(dir.read("b"));
        CHECK(::access(path.c_str(), F_OK) == 0);
    }
    CHECK(::access((path + "/..").c_str(), F_OK) != 0);
}

TEST_CASE("testing: messages of a channel that ends in the middle", "[sdk][testing]") {
    CHECK(split_messages("").empty());
    CHECK(split_messages(std::string("\0\0\0\0\0\0\0\1x", 9)) == Texts{"", "x"});
    CHECK(split_messages(std::string("\0\0\0\1x\0\0", 7)) == Texts{"x", "<partial>"});
    CHECK(split_messages(std::string("\0\0\0\2x", 5)) == Texts{"<partial>"});
    CHECK(split_messages("\xff\xff\xff\xff") == Texts{"<partial>"});
}
