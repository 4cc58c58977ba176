// SPDX-License-Identifier: Apache-2.0
//
// State files, private files, listings, post_exec.sh.
//
// Threads: one.
#include "fixtures.hpp"

#include <hp/contract/files.hpp>
#include <hp/contract/post_exec.hpp>

#include <catch2/catch.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace hp::contract;
using namespace hp::test;
using Catch::Matchers::Contains;

namespace {

/// Runs `handler` in the directory; its checks are the test's.
void in_directory(const StateDir& dir, const Handler& handler, bool readonly = false) {
    RunSpec spec;
    spec.directory = dir.path();
    spec.readonly = readonly;
    CHECK(run_handler(handler, spec).failure.empty());
}

mode_t mode_of(const std::string& path) {
    struct stat info {};
    REQUIRE(::lstat(path.c_str(), &info) == 0);
    return info.st_mode & 07777U;
}

std::string describe(const Result<std::vector<FileEntry>>& entries) {
    if (!entries)
        return entries.error().message;
    std::string out;
    for (const FileEntry& entry : *entries) {
        out += entry.path;
        out += entry.kind == FileKind::directory ? "/ "
               : entry.kind == FileKind::other   ? "? "
                                                 : "=" + std::to_string(entry.size_bytes) + " ";
    }
    return out;
}

} // namespace

TEST_CASE("files: replaced in one step, with a fixed mode", "[sdk][files]") {
    const StateDir dir;
    in_directory(dir, [](Context&) {
        CHECK(replace_file("a.txt", "one"));
        CHECK(::link("a.txt", "old") == 0);
        CHECK(replace_file("a.txt.tmp", "left over"));
        CHECK(::chmod("a.txt.tmp", 0) == 0);
        ::umask(077);
        CHECK(replace_file("a.txt", std::string_view("t\0o", 3), 0751));
        CHECK(*read_file("a.txt") == std::string("t\0o", 3));
        CHECK(*read_file("old") == "one");
        CHECK(mode_of("a.txt") == 0751);
        CHECK(replace_file("empty", ""));
        CHECK(read_file("empty")->empty());
    });
    CHECK(dir.list() == "a.txt empty old");
}

TEST_CASE("files: a temporary name that is a link is not followed", "[sdk][files]") {
    const StateDir dir;
    in_directory(dir, [](Context&) {
        CHECK(replace_file("victim", "safe"));
        CHECK(::symlink("victim", "a.tmp") == 0);
        CHECK(replace_file("a", "new"));
        CHECK(*read_file("victim") == "safe");
        CHECK(*read_file("a") == "new");
    });
    CHECK(dir.list() == "a victim");
}

TEST_CASE("files: errors say what and where, and leave no trace", "[sdk][files]") {
    const StateDir dir;
    in_directory(dir, [](Context&) {
        const auto none = read_file("none");
        CHECK(none.error().code == std::errc::no_such_file_or_directory);
        CHECK(none.error().message == "cannot open none: No such file or directory");
        CHECK(read_file("none").value_or("x") == "x");
        CHECK(read_file(".").error().code == std::errc::is_a_directory);
        CHECK(replace_file("no/where", "x").error().code == std::errc::no_such_file_or_directory);
        CHECK(::mkdir("dir", 0755) == 0);
        const Status over_directory = replace_file("dir", "x");
        CHECK(over_directory.error().code == std::errc::is_a_directory);
        CHECK_THAT(over_directory.error().message, Contains("cannot replace dir"));
        CHECK(::mkdir("blocked.tmp", 0755) == 0);
        CHECK_THAT(replace_file("blocked", "x").error().message, Contains("blocked.tmp"));
    });
    CHECK(dir.list() == "blocked.tmp dir");
}

TEST_CASE("files: the private directory stays from run to run", "[sdk][files]") {
    const StateDir dir;
    in_directory(dir, [](Context&) { CHECK(replace_file(private_path("secret.key"), "k", 0600)); });
    in_directory(dir, [](Context&) { CHECK(*read_file(private_path("secret.key")) == "k"); });
    CHECK(private_path("x") == "../x");
    CHECK(dir.list().empty());
    CHECK(mode_of(dir.path() + "/../secret.key") == 0600);
}

TEST_CASE("files: listings are sorted and never follow links", "[sdk][files]") {
    const StateDir dir;
    in_directory(dir, [](Context&) {
        for (const char* name : {"b", "a", "a/z", "a-", "B", "b/deep", "b/deep/er"})
            CHECK(::mkdir(name, 0755) == 0);
        CHECK(replace_file("a/1.txt", "1"));
        CHECK(replace_file("b/deep/er/x", "1234"));
        CHECK(replace_file("\xff", "odd"));
        CHECK(replace_file(".hidden", ""));
        CHECK(::symlink("..", "a/up") == 0);
        CHECK(::symlink("nowhere", "gone") == 0);
        CHECK(::symlink("b", "link") == 0);
        const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const sockaddr_un address{AF_UNIX, "socket"};
        CHECK(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        ::close(fd);

        CHECK(describe(list_directory()) == ".hidden=0 B/ a/ a-/ b/ gone? link? socket? \xff=3 ");
        CHECK(describe(list_directory("a")) == "1.txt=1 up? z/ ");
        CHECK(describe(walk_directory()) == ".hidden=0 B/ a/ a/1.txt=1 a/up? a/z/ a-/ b/ b/deep/ "
                                            "b/deep/er/ b/deep/er/x=4 gone? link? socket? \xff=3 ");
        CHECK(describe(walk_directory("b")) == "deep/ deep/er/ deep/er/x=4 ");
        CHECK(describe(walk_directory("B")).empty());
        CHECK(list_directory("link").error().code == std::errc::not_a_directory);
        CHECK(list_directory("a/1.txt").error().code == std::errc::not_a_directory);
        CHECK(walk_directory("none").error().code == std::errc::no_such_file_or_directory);
    });
}

TEST_CASE("files: a wide and a deep tree", "[sdk][files]") {
    const StateDir dir;
    in_directory(dir, [](Context&) {
        std::string path = ".";
        for (int i = 0; i < 300; ++i) {
            path += "/d";
            CHECK(::mkdir(path.c_str(), 0755) == 0);
        }
        CHECK(walk_directory()->size() == 300);
        for (int i = 0; i < 3000; ++i)
            CHECK(replace_file("f" + std::to_string(i), ""));
        const auto entries = walk_directory();
        CHECK(entries->size() == 3300);
        CHECK(entries->at(299).path.size() == 599);
        CHECK(entries->at(300).path == "f0");
        CHECK(entries->at(301).path == "f1");
        CHECK(entries->at(302).path == "f10");
    });
}

TEST_CASE("files: a tree too deep for a path is an error, not a crash", "[sdk][files]") {
    const StateDir dir;
    in_directory(dir, [](Context&) {
        const std::string name(250, 'n');
        for (int i = 0; i < 20; ++i) {
            REQUIRE(::mkdir(name.c_str(), 0755) == 0);
            REQUIRE(::chdir(name.c_str()) == 0);
        }
    });
    in_directory(dir, [](Context&) {
        CHECK(walk_directory().error().code == std::errc::filename_too_long);
    });
}

TEST_CASE("post_exec: written executable, refused where it cannot work", "[sdk][files]") {
    const StateDir dir;
    in_directory(dir, [](Context& c) {
        CHECK(write_post_exec(c, "true\n").error().code == std::errc::invalid_argument);
        CHECK(write_post_exec(c, "").error().code == std::errc::invalid_argument);
        CHECK(write_post_exec(c, "#!/bin/sh\nfalse\n"));
        CHECK(write_post_exec(c, "#!/bin/sh\ntrue\n"));
    });
    CHECK(dir.list() == "post_exec.sh");
    CHECK(dir.read("post_exec.sh") == "#!/bin/sh\ntrue\n");
    CHECK(mode_of(dir.path() + "/post_exec.sh") == 0755);

    const StateDir readonly;
    in_directory(
        readonly,
        [](Context& c) {
            CHECK(write_post_exec(c, "#!/bin/sh\n").error().code ==
                  std::errc::operation_not_permitted);
        },
        true);
    CHECK(readonly.list().empty());
}
