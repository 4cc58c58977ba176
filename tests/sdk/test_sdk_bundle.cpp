// SPDX-License-Identifier: Apache-2.0
//
// Bundles: what is refused, and how files take the place of others and come back.
//
// Threads: one.
#include "fixtures.hpp"

#include <hp/contract/bundle.hpp>
#include <hp/contract/files.hpp>

#include <catch2/catch.hpp>

#include <cstdio>

using namespace hp::contract;
using namespace hp::test;
using Catch::Matchers::Contains;

namespace {

/// One file as ustar has it.
std::string entry(const std::string& name, const std::string& content, const char* mode = "0000644",
                  char type = '0') {
    std::string header(512, '\0');
    char size[12];
    std::snprintf(size, sizeof size, "%011zo", content.size());
    header.replace(0, name.size(), name);
    header.replace(100, 7, mode);
    header.replace(124, 11, size);
    header[156] = type;
    return header + content + std::string((512 - content.size() % 512) % 512, '\0');
}

std::string problem_of(const std::string& bytes) {
    const auto bundle = read_bundle(bytes);
    return bundle ? "none" : bundle.error().message;
}

/// Every input is a bundle, with "health.sh" as its health check; "forget" loses the list of files.
void swap_files(Context& c) {
    const auto outcome = take_bundle_outcome(c);
    for (User& user : c.users()) {
        if (outcome)
            user.send(outcome->empty() ? "done" : *outcome);
        for (const Input& input : user.inputs()) {
            if (input.text() == "forget") {
                std::remove("bundle.files");
                continue;
            }
            const auto bundle = read_bundle(input.text());
            const Status staged =
                bundle ? stage_bundle(c, *bundle, "/bin/sh ./health.sh") : Status(bundle.error());
            if (!staged)
                user.send(staged.error().message);
        }
    }
}

} // namespace

TEST_CASE("a bundle is read completely or not at all", "[sdk][bundle]") {
    const std::string good = entry("bin/run", "program", "0000755") + entry("a.txt", "text");
    const auto bundle = read_bundle(good + std::string(1024, '\0'));
    REQUIRE(bundle);
    REQUIRE(bundle->size() == 2);
    CHECK(bundle->at("bin/run").content == "program");
    CHECK(bundle->at("bin/run").executable);
    CHECK_FALSE(bundle->at("a.txt").executable);
    CHECK(read_bundle(entry("disparate/1/seed", "x") + entry("hp.cfg.override", "{}") + good)
              ->size() == 2);
    CHECK(problem_of("") == "this is not a bundle");
    CHECK(problem_of(good.substr(0, 515)) == "this is not a bundle");
    CHECK(problem_of(entry("link", "", "0000777", '2')) == "this is not a bundle");
    CHECK(problem_of(entry("a", "x") + entry("a", "y")) == "the bundle has two files called a");
    for (const char* name : {"../a", "/a", ".a", "a/.b", "a//b", "a;b", "a b", "-a", "a/", "next/a",
                             "post_exec.sh", "bundle.files", "bundle.outcome"}) {
        INFO(name);
        CHECK_THAT(problem_of(entry(name, "x")), Contains("a name that is not allowed"));
    }
}

TEST_CASE("files take the place of others, and those that are gone are removed", "[sdk][bundle]") {
    TestNode node(swap_files);
    node.state().write("old.txt", "came with the first bundle");
    node.state().write("health.sh", "exit 0\n");
    CHECK(node.round().exit_code == 0);
    CHECK(node.state().read("bundle.files") == "health.sh\nold.txt\n");
    node.state().write("data.txt", "written by the contract");

    const auto upgrade = node.round(
        {{"alice",
          {entry("health.sh", "test -f dir/new.txt\n") + entry("dir/new.txt", "new", "0000755")}}});
    CHECK(upgrade.answers("alice").empty());
    CHECK(upgrade.post_exec_exit_code == 0);
    CHECK(node.state().read("dir/new.txt") == "new");
    CHECK(node.state().read("old.txt") == std::nullopt);
    CHECK(node.state().read("data.txt") == "written by the contract");
    CHECK(node.state().read("bundle.files") == "dir/new.txt\nhealth.sh\n");
    CHECK(node.round({{"alice", {}}}).answers("alice") == std::vector<std::string>{"done"});
    CHECK(node.round({{"alice", {}}}).answers("alice").empty());
}

TEST_CASE("what is not healthy is taken back", "[sdk][bundle]") {
    TestNode node(swap_files);
    node.state().write("gone.txt", "old");
    node.state().write("kept.txt", "old");
    CHECK(node.round().exit_code == 0);
    const auto before = node.state().files();
    CHECK(node.round({{"alice",
                       {entry("health.sh", "exit 7\n") + entry("kept.txt", "new") +
                        entry("more/x.txt", "new")}}})
              .post_exec_exit_code == 0);
    CHECK(node.state().read("gone.txt") == "old");
    CHECK(node.state().read("kept.txt") == "old");
    CHECK(node.state().read("more/x.txt") == std::nullopt);
    CHECK(node.round({{"alice", {}}}).answers("alice") ==
          std::vector<std::string>{"the health check ended with 7"});
    CHECK(node.state().read("bundle.files") == "gone.txt\nkept.txt\n");
}

TEST_CASE("files are noted when there is nothing else, and never later", "[sdk][bundle]") {
    TestNode node(swap_files);
    CHECK(node.round({{"alice", {"forget"}}}).exit_code == 0);
    node.state().write("data.txt", "written by the contract");
    CHECK(node.round({{"alice", {entry("health.sh", "exit 0\n")}}}).exit_code == 0);
    CHECK(node.state().read("data.txt") == "written by the contract");
    CHECK(node.state().read("bundle.files") == "health.sh\n");
    CHECK_THAT(node.read("alice", entry("health.sh", "")).answers("alice")[0],
               Contains("a read request cannot stage a bundle"));
}
