// SPDX-License-Identifier: Apache-2.0
// File helpers: limits, modes, and that a failed replacement leaves old content and no litter.
#include "hp/os/files.hpp"

#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <future>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "hp/os/decision_file.hpp"
#include "temp_dir.hpp"

using namespace hp;
using namespace hp::test;

namespace {

void write_text(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

std::string read_text(const std::filesystem::path& path) {
    const auto content = os::read_file(path, 10'000'000);
    return content ? to_text(*content) : "<" + content.err().context + ">";
}

} // namespace

TEST_CASE("read_file returns whole files up to its limit", "[os]") {
    const TempDir temp;
    const auto path = temp / "f";
    for (const std::size_t size : {0U, 1U, 65535U, 65536U, 65537U, 300000U}) {
        const std::string text(size, 'x');
        write_text(path, text);
        CHECK(read_text(path) == text);
        const auto exact = os::read_file(path, size);
        REQUIRE(exact);
        CHECK(exact->size() == size);
        if (size > 0) {
            const auto beyond = os::read_file(path, size - 1);
            REQUIRE_FALSE(beyond);
            CHECK(beyond.err().code == Errc::too_large);
        }
    }
}

TEST_CASE("read_file says what is wrong", "[os]") {
    const TempDir temp;
    const auto missing = os::read_file(temp / "none", 10);
    REQUIRE_FALSE(missing);
    CHECK(missing.err().code == Errc::not_found);
    CHECK_THAT(missing.err().context, Catch::Contains((temp / "none").string()));

    CHECK_FALSE(os::read_file(temp.path(), 10));
    REQUIRE(::mkfifo((temp / "fifo").c_str(), 0600) == 0);
    const auto fifo = os::read_file(temp / "fifo", 10); // must not block either
    REQUIRE_FALSE(fifo);
    CHECK(fifo.err().code == Errc::invalid);
    CHECK_FALSE(os::read_file("/dev/zero", 10));

    // Files of /proc claim to be empty.
    const auto proc = os::read_file("/proc/self/stat", 4096);
    REQUIRE(proc);
    CHECK(proc->size() > 10);
}

TEST_CASE("replace_file sets content and exact mode", "[os]") {
    const TempDir temp;
    const auto path = temp / "f";
    for (const mode_t mask : {mode_t{022}, mode_t{077}}) {
        const ScopedUmask umask(mask);
        REQUIRE(os::replace_file(path, as_bytes("one"), 0644));
        CHECK(read_text(path) == "one");
        CHECK(mode_of(path) == 0644);
        REQUIRE(os::replace_file(path, as_bytes(""), 0600));
        CHECK(read_text(path).empty());
        CHECK(mode_of(path) == 0600);
        CHECK(entries_in(temp.path()) == 1);
    }
}

TEST_CASE("replace_file keeps the owner when it may", "[os]") {
    if (::geteuid() != 0) {
        return; // only root can give files away
    }
    const TempDir temp;
    const auto path = temp / "f";
    write_text(path, "old");
    REQUIRE(::chown(path.c_str(), 1234, 2345) == 0);
    REQUIRE(os::replace_file(path, as_bytes("new"), 0600));
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK(info.st_uid == 1234);
    CHECK(info.st_gid == 2345);
}

TEST_CASE("a failed replacement leaves the old content and no litter", "[os]") {
    const TempDir temp;
    const auto path = temp / "f";
    write_text(path, "old");
    std::filesystem::create_directory(temp / "dir");
    CHECK_FALSE(os::replace_file(temp / "dir", as_bytes("x"), 0644)); // rename refuses
    CHECK_FALSE(os::replace_file(temp / "none/f", as_bytes("x"), 0644));
    CHECK(entries_in(temp.path()) == 2);

    // A write that stops half way, as on a full disk; in a child, for the limit is per process.
    const pid_t child = ::fork();
    if (child == 0) {
        std::signal(SIGXFSZ, SIG_IGN);
        const rlimit small{10, 10};
        ::setrlimit(RLIMIT_FSIZE, &small);
        const bool failed = !os::replace_file(path, as_bytes(std::string(100, 'x')), 0644);
        ::_exit(failed ? 0 : 1);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(read_text(path) == "old");
    CHECK(entries_in(temp.path()) == 2);
}

TEST_CASE("replace_file works on a bare name", "[os]") {
    const TempDir temp;
    const auto back = std::filesystem::current_path();
    std::filesystem::current_path(temp.path());
    const bool done = os::replace_file("bare", as_bytes("x"), 0644).has_value();
    std::filesystem::current_path(back);
    CHECK(done);
    CHECK(read_text(temp / "bare") == "x");
}

TEST_CASE("create_file makes what is not there, and only that", "[os]") {
    const TempDir temp;
    CHECK(os::create_file(temp / "f", as_bytes("first"), 0640).value());
    CHECK(mode_of(temp / "f") == 0640);
    CHECK_FALSE(os::create_file(temp / "f", as_bytes("second"), 0600).value());
    CHECK(read_text(temp / "f") == "first");
    CHECK(entries_in(temp.path()) == 1);
    CHECK(os::create_file(temp / "none/f", as_bytes("x"), 0600).err().code == Errc::not_found);
}

TEST_CASE("whoever is first decides", "[os]") {
    const TempDir temp;
    const auto file = temp / "decision";
    CHECK(os::read_decision(file).value() == std::nullopt);
    CHECK_FALSE(os::decide(file, false).value());
    CHECK_FALSE(os::decide(file, true).value());
    CHECK(os::read_decision(file).value() == false);
    CHECK(os::decide(temp / "other", true).value());
    CHECK(os::read_decision(temp / "other").value() == true);
    CHECK(os::decide(temp / "none/decision", true).err().code == Errc::not_found);
    write_text(temp / "third", "eh\n");
    CHECK(os::read_decision(temp / "third").err().code == Errc::corrupt);
    CHECK(os::decide(temp / "third", true).err().code == Errc::corrupt);
}

TEST_CASE("of many who decide at once all come to the same", "[os]") {
    const TempDir temp;
    for (int round = 0; round < 20; ++round) {
        const auto file = temp / std::to_string(round);
        std::vector<std::future<bool>> all;
        for (int i = 0; i < 4; ++i) {
            all.push_back(std::async(std::launch::async,
                                     [file, i] { return os::decide(file, i % 2 == 0).value(); }));
        }
        const bool first = all.front().get();
        for (std::size_t i = 1; i < all.size(); ++i) {
            CHECK(all[i].get() == first);
        }
    }
}

TEST_CASE("open_file is close-on-exec", "[os]") {
    const TempDir temp;
    const auto fd = os::open_file(temp / "f", O_RDWR | O_CREAT, 0600);
    REQUIRE(fd);
    CHECK((::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC) != 0);
    const auto missing = os::open_file(temp / "none", O_RDONLY);
    REQUIRE_FALSE(missing);
    CHECK(missing.err().code == Errc::not_found);
}

TEST_CASE("make_directories makes what is missing with mode 0755", "[os]") {
    const TempDir temp;
    const ScopedUmask umask(077);
    REQUIRE(::chmod(temp.path().c_str(), 0711) == 0);
    REQUIRE(os::make_directories(temp / "a/b//c/"));
    CHECK(mode_of(temp / "a") == 0755);
    CHECK(mode_of(temp / "a/b") == 0755);
    CHECK(mode_of(temp / "a/b/c") == 0755);
    CHECK(mode_of(temp.path()) == 0711); // it was there: not ours to change
    REQUIRE(os::make_directories(temp / "a/b/c"));
    write_text(temp / "file", "");
    CHECK_FALSE(os::make_directories(temp / "file/x"));
    const auto in_the_way = os::make_directories(temp / "file");
    REQUIRE_FALSE(in_the_way);
    CHECK(in_the_way.err().code == Errc::exists);
}
