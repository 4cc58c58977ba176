// SPDX-License-Identifier: Apache-2.0
// Log lines: their layout, rotation, and that a disk without room stops nothing.
#include "hp/os/log_sinks.hpp"

#include <csignal>
#include <fstream>
#include <regex>
#include <sstream>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <catch2/catch.hpp>

#include "hp/os/files.hpp"
#include "temp_dir.hpp"

using namespace hp;
using namespace hp::test;

namespace {

std::string log_text(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> lines_of(const std::filesystem::path& path) {
    std::vector<std::string> out;
    std::istringstream in(log_text(path));
    for (std::string line; std::getline(in, line);) {
        out.push_back(line);
    }
    return out;
}

std::shared_ptr<LogSink> open_sink(const os::LogFileOptions& options) {
    auto sink = os::make_log_sink(false, &options);
    REQUIRE(sink);
    return *sink;
}

// Runs `work` in a child process; true when it ends with status 0.
template <class Work>
bool succeeds_in_child(const Work& work) {
    const pid_t child = ::fork();
    if (child == 0) {
        work();
        ::_exit(0);
    }
    int status = -1;
    return ::waitpid(child, &status, 0) == child && status == 0;
}

const std::regex record(R"(\d{8} \d\d:\d\d:\d\d\.\d{3} \[(dbg|inf|wrn|err)\]\[\w+\] .*)");

} // namespace

TEST_CASE("log lines have the documented layout", "[os]") {
    const TempDir temp;
    const auto path = temp / "hp.log";
    const Log log(open_sink({path, 0, 0}), LogLevel::debug, "node");
    const auto before = std::time(nullptr);
    log.debug("one");
    log.info("two", {{"seq", 7}, {"name", "a b"}});
    log.module("user").warning("three");
    log.error("four");
    const auto after = std::time(nullptr);

    const auto lines = lines_of(path);
    REQUIRE(lines.size() == 4);
    for (const std::string& line : lines) {
        INFO(line);
        CHECK(std::regex_match(line, record));
    }
    CHECK(lines[0].substr(21) == " [dbg][node] one");
    CHECK(lines[1].substr(21) == " [inf][node] two seq=7 name=\"a b\"");
    CHECK(lines[2].substr(21) == " [wrn][user] three");
    CHECK(lines[3].substr(21) == " [err][node] four");
    // Local time, not UTC.
    bool found = false;
    for (std::time_t at = before; at <= after; ++at) {
        std::tm parts{};
        ::localtime_r(&at, &parts);
        char text[32] = {};
        std::strftime(text, sizeof text, "%Y%m%d %H:%M:%S", &parts);
        found = found || lines[0].substr(0, 17) == text;
    }
    CHECK(found);
}

TEST_CASE("log times follow the time zone", "[os]") {
    const TempDir temp;
    const auto path = temp / "hp.log";
    const bool done = succeeds_in_child([&path] {
        ::setenv("TZ", "XXX-05:30", 1); // 5.5 hours ahead
        const auto sink = os::make_log_sink(
            false, std::make_unique<os::LogFileOptions>(os::LogFileOptions{path, 0, 0}).get());
        (*sink)->write(LogLevel::info, "m", "text");
    });
    REQUIRE(done);
    const std::time_t shifted = std::time(nullptr) + 19800;
    std::tm parts{};
    ::gmtime_r(&shifted, &parts);
    char text[32] = {};
    std::strftime(text, sizeof text, "%Y%m%d %H:", &parts);
    CHECK(log_text(path).substr(0, 12) == std::string(text));
}

TEST_CASE("a text with line breaks cannot pretend to be a record", "[os]") {
    const TempDir temp;
    const auto path = temp / "hp.log";
    const auto sink = open_sink({path, 0, 0});
    sink->write(LogLevel::info, "m", "first\n20260101 00:00:00.000 [err][m] forged\r\x1b[0m\ttab");
    const auto lines = lines_of(path);
    REQUIRE(lines.size() == 2);
    CHECK(lines[1] == "    20260101 00:00:00.000 [err][m] forged??[0m\ttab");
}

TEST_CASE("an existing log is continued", "[os]") {
    const TempDir temp;
    const auto path = temp / "hp.log";
    open_sink({path, 0, 0})->write(LogLevel::info, "m", "a");
    open_sink({path, 0, 0})->write(LogLevel::info, "m", "b");
    CHECK(lines_of(path).size() == 2);
}

TEST_CASE("the log rotates by size and keeps so many files", "[os]") {
    const TempDir temp;
    const auto path = temp / "hp.log";
    const auto sink = open_sink({path, 1000, 3});
    const std::string filler(70, '.'); // 107 bytes a line: 9 lines a file
    for (int i = 0; i < 40; ++i) {
        sink->write(LogLevel::info, "mod", std::to_string(100 + i) + filler);
    }
    CHECK(entries_in(temp.path()) == 3);
    std::vector<std::string> all;
    for (const char* name : {"hp.2.log", "hp.1.log", "hp.log"}) {
        CHECK(std::filesystem::file_size(temp / name) <= 1000);
        for (const std::string& line : lines_of(temp / name)) {
            all.push_back(line.substr(33, 3)); // after time, level and module
        }
    }
    // The newest lines without a gap.
    REQUIRE(all.size() == 22);
    for (std::size_t i = 0; i < all.size(); ++i) {
        CHECK(all[i] == std::to_string(118 + i));
    }
}

TEST_CASE("a line larger than a file still gets written", "[os]") {
    const TempDir temp;
    const auto sink = open_sink({temp / "hp.log", 50, 2});
    sink->write(LogLevel::info, "m", std::string(200, 'x'));
    sink->write(LogLevel::info, "m", std::string(300, 'y'));
    CHECK(lines_of(temp / "hp.log").size() == 1);
    CHECK(lines_of(temp / "hp.1.log").size() == 1);
    CHECK(entries_in(temp.path()) == 2);
}

TEST_CASE("fewer files than before removes the surplus", "[os]") {
    const TempDir temp;
    for (int i = 1; i <= 6; ++i) {
        std::ofstream(temp / ("hp." + std::to_string(i) + ".log")) << i;
    }
    const auto sink = open_sink({temp / "hp.log", 50, 3});
    sink->write(LogLevel::info, "m", std::string(60, 'a'));
    sink->write(LogLevel::info, "m", std::string(60, 'b'));
    CHECK(entries_in(temp.path()) == 3);
    CHECK(log_text(temp / "hp.2.log") == "1");
}

TEST_CASE("one file starts over when full", "[os]") {
    for (const std::size_t files_max : {0U, 1U}) {
        const TempDir temp;
        const auto sink = open_sink({temp / "hp.log", 200, files_max});
        for (int i = 0; i < 50; ++i) {
            sink->write(LogLevel::info, "m", "line " + std::to_string(i));
        }
        CHECK(entries_in(temp.path()) == 1);
        CHECK(std::filesystem::file_size(temp / "hp.log") <= 200);
        CHECK_THAT(lines_of(temp / "hp.log").back(), Catch::EndsWith("line 49"));
    }
}

TEST_CASE("names without an extension or with a dot in front rotate too", "[os]") {
    const TempDir temp;
    const auto sink = open_sink({temp / "log", 10, 2});
    sink->write(LogLevel::info, "m", "a");
    sink->write(LogLevel::info, "m", "b");
    CHECK(std::filesystem::exists(temp / "log.1"));
}

TEST_CASE("a log that was removed comes back with the next rotation", "[os]") {
    const TempDir temp;
    const auto sink = open_sink({temp / "hp.log", 100, 3});
    sink->write(LogLevel::info, "m", std::string(60, 'a'));
    std::filesystem::remove(temp / "hp.log");
    sink->write(LogLevel::info, "m", std::string(60, 'b'));
    CHECK(lines_of(temp / "hp.log").size() == 1);
}

TEST_CASE("a rotation that fails goes on in the same file", "[os]") {
    const TempDir temp;
    // The live name is as long as names can be, so the older one cannot exist.
    const std::filesystem::path live = temp / (std::string(251, 'x') + ".log");
    const auto sink = open_sink({live, 100, 2});
    for (int i = 0; i < 10; ++i) {
        sink->write(LogLevel::info, "m", std::string(60, 'a'));
    }
    CHECK(lines_of(live).size() == 10);
}

TEST_CASE("a full disk drops lines, says so later, and stops nothing", "[os]") {
    const TempDir temp;
    const auto path = temp / "hp.log";
    const bool done = succeeds_in_child([&path] {
        std::signal(SIGXFSZ, SIG_IGN);
        const os::LogFileOptions options{path, 0, 0};
        const auto sink = os::make_log_sink(false, &options);
        (*sink)->write(LogLevel::info, "m", "before");
        rlimit limit{};
        ::getrlimit(RLIMIT_FSIZE, &limit);
        const rlim_t old = limit.rlim_cur;
        limit.rlim_cur = 60; // the second line fits by half
        ::setrlimit(RLIMIT_FSIZE, &limit);
        (*sink)->write(LogLevel::info, "m", "lost one");
        (*sink)->write(LogLevel::error, "m", "lost two");
        limit.rlim_cur = old;
        ::setrlimit(RLIMIT_FSIZE, &limit);
        (*sink)->write(LogLevel::info, "m", "after");
    });
    REQUIRE(done);
    const auto lines = lines_of(path);
    REQUIRE(lines.size() == 3);
    CHECK_THAT(lines[0], Catch::EndsWith("before"));
    CHECK_THAT(lines[1], Catch::Contains("count=2"));
    CHECK_THAT(lines[2], Catch::EndsWith("after"));

    const os::LogFileOptions full{"/dev/full", 1000, 1};
    const auto sink = os::make_log_sink(false, &full);
    REQUIRE(sink);
    for (int i = 0; i < 100; ++i) {
        (*sink)->write(LogLevel::error, "m", "text");
    }
}

TEST_CASE("lines are there when the process is killed", "[os]") {
    const TempDir temp;
    const auto path = temp / "hp.log";
    const pid_t child = ::fork();
    if (child == 0) {
        const os::LogFileOptions options{path, 0, 0};
        const auto sink = os::make_log_sink(false, &options);
        (*sink)->write(LogLevel::debug, "m", "last words");
        ::raise(SIGKILL);
    }
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    CHECK_THAT(log_text(path), Catch::EndsWith("last words\n"));
}

TEST_CASE("the console gets the same lines as the file", "[os]") {
    const TempDir temp;
    const auto console = temp / "stderr";
    const auto path = temp / "hp.log";
    const bool done = succeeds_in_child([&console, &path] {
        [[maybe_unused]] FILE* reopened = ::freopen(console.c_str(), "w", stderr);
        const os::LogFileOptions options{path, 0, 0};
        const auto both = os::make_log_sink(true, &options);
        (*both)->write(LogLevel::info, "m", "both");
        const auto only = os::make_log_sink(true, nullptr);
        (*only)->write(LogLevel::info, "m", "console");
        ::close(STDERR_FILENO);
        (*both)->write(LogLevel::info, "m", "no console any more");
    });
    REQUIRE(done);
    CHECK(lines_of(console).size() == 2);
    CHECK(lines_of(path).size() == 2);
    CHECK(lines_of(console)[0] == lines_of(path)[0]);
}

TEST_CASE("threads never mix their lines", "[os]") {
    const TempDir temp;
    const auto path = temp / "hp.log";
    const Log log(open_sink({path, 0, 0}), LogLevel::info, "m");
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([log] {
            for (int i = 0; i < 500; ++i) {
                log.info("a line of some length", {{"i", i}});
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    const auto lines = lines_of(path);
    CHECK(lines.size() == 2000);
    std::size_t good = 0;
    for (const std::string& line : lines) {
        good += std::regex_match(line, record) ? 1U : 0U;
    }
    CHECK(good == 2000);
}

TEST_CASE("a sink needs somewhere to write", "[os]") {
    CHECK_FALSE(os::make_log_sink(false, nullptr));
    const TempDir temp;
    const os::LogFileOptions options{temp / "none/hp.log", 0, 0};
    const auto sink = os::make_log_sink(true, &options);
    REQUIRE_FALSE(sink);
    CHECK(sink.err().code == Errc::not_found);
}
