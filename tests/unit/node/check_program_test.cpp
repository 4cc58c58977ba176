// SPDX-License-Identifier: Apache-2.0
// What keeps a program from being started is found out without starting it.
#include "node/check_program.hpp"

#include <fstream>
#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "temp_dir.hpp"

using namespace hp;
namespace fs = std::filesystem;

namespace {

class State {
public:
    void put(const std::string& name, const std::string& content, unsigned mode = 0755) const {
        std::ofstream(temp_ / name, std::ios::binary) << content;
        REQUIRE(::chmod((temp_ / name).c_str(), mode) == 0);
    }

    // The one complaint, empty when there is none.
    std::string complaint(const std::string& bin_path,
                          const std::map<std::string, std::string>& environment = {}) const {
        const auto all = node::check_program(temp_.path(), bin_path, environment);
        REQUIRE(all.size() <= 1);
        return all.empty() ? std::string() : all.front();
    }

    fs::path path() const { return temp_.path(); }

private:
    test::TempDir temp_;
};

std::string first_bytes(const fs::path& file, std::size_t count) {
    std::string out(count, '\0');
    std::ifstream(file, std::ios::binary).read(out.data(), static_cast<std::streamsize>(count));
    return out;
}

} // namespace

TEST_CASE("programs that can be started", "[node]") {
    State state;
    CHECK(state.complaint("/bin/sh").empty());
    CHECK(state.complaint("/proc/self/exe").empty());
    state.put("script", "#!/bin/sh\nexit\n");
    CHECK(state.complaint("script").empty());
    CHECK(state.complaint("./script").empty());
    state.put("spaces", "#! \t /bin/sh -e\t\n");
    CHECK(state.complaint("spaces").empty());
    state.put("no_end", "#!/bin/sh");
    CHECK(state.complaint("no_end").empty());
    state.put("relative", "#!script\n"); // counts from the state directory
    CHECK(state.complaint("relative").empty());
    state.put("env", "#!/usr/bin/env sh\n");
    CHECK(state.complaint("env").empty());
    state.put("env_split", "#!/usr/bin/env -S A=1 sh -e\n");
    CHECK(state.complaint("env_split").empty());
}

TEST_CASE("programs that are not there or not executable", "[node]") {
    State state;
    state.put("plain", "#!/bin/sh\n", 0644);
    fs::create_directory(state.path() / "directory");
    for (const char* name : {"none", "plain", "directory", "", "none/at/all"}) {
        INFO(name);
        CHECK(state.complaint(name) == "is not an executable file");
    }
}

TEST_CASE("interpreters that are not there", "[node]") {
    State state;
    state.put("missing", "#!/no/such/interpreter -x\n");
    CHECK_THAT(state.complaint("missing"), Catch::Contains("/no/such/interpreter,"));
    state.put("empty", "#!  \n");
    CHECK_THAT(state.complaint("empty"), Catch::Contains("names no interpreter"));
    state.put("windows", "#!/bin/sh\r\nexit\r\n");
    CHECK_THAT(state.complaint("windows"), Catch::Contains("carriage return"));
    state.put("directory", "#!/bin\n");
    CHECK_THAT(state.complaint("directory"), Catch::Contains("not an executable file"));
}

TEST_CASE("env looks where the contract's environment says", "[node]") {
    State state;
    state.put("own_interpreter", "#!/bin/sh\n");
    state.put("env", "#!/usr/bin/env own_interpreter\n");
    CHECK_THAT(state.complaint("env"),
               Catch::Contains("own_interpreter") && Catch::Contains("PATH"));
    CHECK(state.complaint("env", {{"PATH", "/nowhere:" + state.path().string()}}).empty());
    CHECK_THAT(state.complaint("env", {{"PATH", "/nowhere::/bin"}}),
               Catch::Contains("/nowhere::/bin"));
    state.put("bare", "#!/usr/bin/env\n");
    CHECK(state.complaint("bare").empty()); // pointless, but it starts
}

TEST_CASE("files that are no programs, or for other machines", "[node]") {
    State state;
    state.put("text", "echo hello\n");
    CHECK_THAT(state.complaint("text"), Catch::Contains("begins with #!"));
    state.put("nothing", "");
    CHECK_THAT(state.complaint("nothing"), Catch::Contains("empty"));
    std::string elf = first_bytes("/proc/self/exe", 64);
    state.put("own", elf);
    CHECK(state.complaint("own").empty());
    elf[18] = 8; // e_machine: MIPS
    elf[19] = 0;
    state.put("mips", elf);
    CHECK_THAT(state.complaint("mips"), Catch::Contains("another kind of machine"));
    state.put("short", "\x7f"
                       "ELF");
    CHECK_THAT(state.complaint("short"), Catch::Contains("another kind of machine"));
}
