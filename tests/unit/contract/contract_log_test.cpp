// SPDX-License-Identifier: Apache-2.0
// The contract's stdout and stderr in files (contract-protocol.md 6.6; section 15, test 78).
#include "contract/contract_log.hpp"

#include <sys/mount.h>

#include "hp/base/limits.hpp"
#include "run_fixture.hpp"

using namespace hp;
using namespace hp::contract;
using namespace hp::test;

namespace {

constexpr config::ContractLog one_mib = {true, 1, 3};

std::vector<std::string> names_in(const std::filesystem::path& directory) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        lines.push_back(line);
    }
    return lines;
}

struct LogFixture : RunFixture {
    TempDir directory;
    ContractLog log{directory.path(), "rw", one_mib};

    LogFixture() { spec.log = RunLog{&log, make_run_title(*spec.lcl)}; }

    std::string text(const std::string& name) const { return read_text(directory / name); }
};

} // namespace

TEST_CASE("titles") {
    LedgerId lcl{13, {}};
    lcl.hash.data.fill(0xd3);
    const std::string hash = lcl.hash.hex();
    CHECK(make_run_title(lcl) == "Execution lcl 13-" + hash);
    const std::string user = numbered_key(1).hex();
    CHECK(make_read_title(lcl, numbered_key(1), "id 1\nExecution lcl \xc3\xa9") ==
          "Execution lcl 13-" + hash + " readonly user " + user + " request id?1?Execution?lcl???");
    const std::string title = make_read_title(lcl, numbered_key(1), std::string(1000, 'x'));
    CHECK(title.ends_with(" " + std::string(64, 'x')));
}

TEST_CASE("a title for each run, then what it wrote") {
    LogFixture f;
    const std::string title = make_run_title(*f.spec.lcl) + "\n";
    std::string expected_out;
    std::string expected_err;
    for (const int lines : {3, 0, 10'000}) { // the last is far more than a pipe holds
        REQUIRE(f.succeeded(f.run("say " + std::to_string(lines))));
        expected_out += title;
        expected_err += title;
        for (int i = 0; i < lines; ++i) {
            expected_out += "out line " + std::to_string(i) + "\n";
            expected_err += "err line " + std::to_string(i) + "\n";
        }
    }
    CHECK(f.text("rw.stdout.log") == expected_out);
    CHECK(f.text("rw.stderr.log") == expected_err);
    CHECK(names_in(f.directory.path()) ==
          std::vector<std::string>{"rw.stderr.log", "rw.stdout.log"});
    // A daemon that holds the pipes does not hold up the node.
    CHECK(f.succeeded(f.run("daemons 0")));
    // The next start of the node goes on in the same files.
    ContractLog again(f.directory.path(), "rw", one_mib);
    f.spec.log->files = &again;
    REQUIRE(f.succeeded(f.run("say 1")));
    CHECK(f.text("rw.stdout.log") == expected_out + title + title + "out line 0\n");
}

TEST_CASE("files are rotated in the middle of a run, and only so many are kept") {
    LogFixture f;
    const std::string title = make_run_title(*f.spec.lcl);
    for (int run = 0; run < 4; ++run) { // 1.1 MB each
        REQUIRE(f.succeeded(f.run("say 70000")));
    }
    CHECK(names_in(f.directory.path()) ==
          std::vector<std::string>{"rw.stderr.log", "rw.stdout.log", "rw_1.stderr.log",
                                   "rw_1.stdout.log", "rw_2.stderr.log", "rw_2.stdout.log"});
    std::string joined;
    for (const char* name : {"rw_2.stdout.log", "rw_1.stdout.log", "rw.stdout.log"}) {
        const std::string text = f.text(name);
        CHECK(text.size() <= limits::mib + title.size() + 1);
        CHECK(text.starts_with(title + "\n"));
        CHECK(text.ends_with("\n"));
        joined += text;
    }
    // Nothing is lost or cut between the files: without titles the numbers count on.
    int expected = -1;
    for (const std::string& line : lines_of(joined)) {
        if (line == title) {
            continue;
        }
        const int number = std::stoi(line.substr(std::string("out line ").size()));
        REQUIRE((expected < 0 || number == expected % 70'000));
        expected = number + 1;
    }
    CHECK(expected == 70'000);
}

TEST_CASE("one run cannot write without bound, not even in one line") {
    LogFixture f;
    ContractLog single(f.directory.path(), "rw", {true, 1, 1});
    f.spec.log->files = &single;
    REQUIRE(f.succeeded(f.run("say 200000")));
    CHECK(names_in(f.directory.path()).size() == 2);
    CHECK(f.text("rw.stdout.log").size() <= limits::mib + 200);
    CHECK(f.text("rw.stdout.log").ends_with("out line 199999\n"));

    const TempDir other;
    ContractLogFile file(other.path(), "rw", "stdout", 1000, 3);
    CHECK(file.append(1, "title", Bytes(10'000, 'x')));
    for (const char* name : {"rw.stdout.log", "rw_1.stdout.log", "rw_2.stdout.log"}) {
        const std::string text = read_text(other / name);
        CHECK(text.size() <= 1000);
        CHECK(text.starts_with("title\nxxx"));
    }
    CHECK(names_in(other.path()).size() == 3);
}

TEST_CASE("older files beyond the number that is kept go at the start") {
    const TempDir directory;
    for (const char* name :
         {"rw_1.stdout.log", "rw_2.stdout.log", "rw_3.stdout.log", "rw_17.stderr.log",
          "ro_5.stdout.log", "rw_x.stdout.log", "rw_9.log"}) {
        std::ofstream(directory / name) << name;
    }
    ContractLog log(directory.path(), "rw", one_mib);
    CHECK(names_in(directory.path()) ==
          std::vector<std::string>{"ro_5.stdout.log", "rw_1.stdout.log", "rw_2.stdout.log",
                                   "rw_9.log", "rw_x.stdout.log"});
}

TEST_CASE("concurrent readers do not mix their lines") {
    constexpr int reader_count = 6;
    RunFixture f;
    f.spec.readonly = true;
    f.spec.lcl.reset();
    const TempDir directory;
    ContractLog log(directory.path(), "ro", one_mib);
    std::vector<std::thread> threads;
    std::atomic<int> right{0};
    for (int i = 0; i < reader_count; ++i) {
        threads.emplace_back([&, i] {
            RunSpec spec = f.spec;
            spec.bin_args = "say 300";
            spec.log = RunLog{&log, "reader " + std::to_string(i)};
            right += f.succeeded(run_contract(*f.launcher, spec, {}, f.stop, Log()));
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(right == reader_count);
    const std::vector<std::string> lines = lines_of(read_text(directory / "ro.stdout.log"));
    REQUIRE(lines.size() == reader_count * 301);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const std::size_t at = i % 301;
        REQUIRE(lines[i].starts_with(at == 0 ? "reader " : "out line " + std::to_string(at - 1)));
    }
    // A silent reader leaves no trace.
    f.spec.log = RunLog{&log, "silent"};
    REQUIRE(f.succeeded(f.run("exit 0")));
    CHECK(read_text(directory / "ro.stdout.log").find("silent") == std::string::npos);
    // More than is held back comes in several blocks, of whole lines.
    f.spec.log = RunLog{&log, "loud"};
    REQUIRE(f.succeeded(f.run("say 20000")));
    CHECK(lines_of(read_text(directory / "ro.stdout.log")).back() == "out line 19999");
}

TEST_CASE("blocks of different runs begin on a line of their own, under their titles") {
    const TempDir directory;
    ContractLogFile file(directory.path(), "ro", "stdout", limits::mib, 3);
    CHECK(file.append(1, "first", to_bytes("half")));
    CHECK(file.append(2, "second", to_bytes("whole\n")));
    CHECK(file.append(1, "first", to_bytes(" line\n")));
    CHECK(file.append(1, "first", to_bytes("more\n")));
    CHECK(file.append(3, "first", to_bytes("same title\n")));
    CHECK(read_text(directory / "ro.stdout.log") ==
          "first\nhalf\nsecond\nwhole\nfirst\n line\nmore\nfirst\nsame title\n");
    // Somebody tidies up.
    std::filesystem::remove(directory / "ro.stdout.log");
    CHECK(file.append(4, "fourth", to_bytes("new file\n")));
    CHECK(read_text(directory / "ro.stdout.log") == "fourth\nnew file\n");
}

TEST_CASE("a log that cannot be written stops no contract") {
    LogFixture f;
    ContractLog nowhere(f.directory / "missing", "rw", one_mib);
    f.spec.log->files = &nowhere;
    RunResult result = f.run("say 1");
    CHECK(f.succeeded(result));
    CHECK(result.notes.size() == 2); // one for each stream
    // It is tried again for the next run.
    std::filesystem::create_directory(f.directory / "missing");
    CHECK(f.run("say 1").notes.empty());
    CHECK(f.text("missing/rw.stderr.log").ends_with("\nerr line 0\n"));

    std::filesystem::remove(f.directory / "missing" / "rw.stdout.log");
    std::filesystem::create_symlink("/dev/full", f.directory / "missing" / "rw.stdout.log");
    ContractLog full(f.directory / "missing", "rw", one_mib);
    f.spec.log->files = &full;
    result = f.run("say 100000"); // far more than fits into a pipe
    CHECK(f.succeeded(result));
    CHECK(result.notes.size() == 1);
}

TEST_CASE("a contract of another user can open its own stdout by name") {
    if (::geteuid() != 0) {
        WARN("needs root");
        return;
    }
    LogFixture f;
    REQUIRE(::chown(f.state.path().c_str(), 65534, 65533) == 0);
    f.spec.run_as = config::RunAs{65534, 65533};
    f.spec.bin_path = "contract.sh";
    f.write_script("contract.sh", "#!/bin/sh\necho out > /dev/stdout\necho err > /dev/stderr\n");
    REQUIRE(f.succeeded(f.run("")));
    CHECK(f.text("rw.stdout.log").ends_with("\nout\n"));
    CHECK(f.text("rw.stderr.log").ends_with("\nerr\n"));
}
