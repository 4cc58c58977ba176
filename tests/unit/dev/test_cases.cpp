// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "contract/test_case.hpp"
#include "temp_dir.hpp"

#include <fstream>

namespace hp::dev {
namespace {

struct CaseFile {
    test::TempDir dir;
    std::filesystem::path path = dir / "x.hpt.toml";

    auto read(const std::string& text) {
        std::ofstream(path) << text;
        return read_test_cases(path);
    }
    // Every message, without the path.
    std::vector<std::string> problems(const std::string& text) {
        const auto cases = read(text);
        REQUIRE_FALSE(cases);
        std::vector<std::string> out = {cases.error().message};
        for (const auto& [name, value] : cases.error().detail) {
            out.push_back(value);
        }
        for (std::string& one : out) {
            REQUIRE(one.starts_with(path.string() + ":"));
            one.erase(0, path.string().size() + 1);
        }
        return out;
    }
};

TEST_CASE("a case has rounds, each with one run or with read requests") {
    CaseFile file;
    const auto cases = file.read(R"([[case]]
name = "adds"
unl = 5
[[case.round]]
inputs = [{user="bob", json={op="add", n=5}}, {user="alice", text="x"}, {user="bob", hex="00ff"}]
outputs = [{user="bob", json={total=5}}]
state = {"total.txt" = "5", "old.txt" = {absent=true}}
npl = [{from=2, b64="aGk="}]
[[case.round]]
read = [{user="alice", text="a"}, {user="alice", text="b"}]
[[case.round]]
seq = 70
signal = "SIGSEGV"
)");
    REQUIRE(cases);
    const TestCase& one = cases->front();
    CHECK(one.line == 1);
    REQUIRE(one.rounds.size() == 3);
    const RunOrder& first = one.rounds[0].runs.front();
    CHECK(first.unl == 5);
    REQUIRE(first.users.size() == 2);
    CHECK(first.users[0].name == "bob");
    CHECK(to_text(first.users[0].inputs[0]) == R"({"n":5,"op":"add"})");
    CHECK(first.users[0].inputs[1] == Bytes{0x00, 0xff});
    CHECK(to_text(first.npl.front().message) == "hi");
    CHECK(one.rounds[0].state.size() == 2);
    CHECK(one.rounds[1].runs.size() == 2);
    CHECK(one.rounds[1].runs[1].readonly);
    const RunOrder& last = one.rounds[2].runs.front();
    CHECK(last.seq == 70);
    CHECK(last.time_ms == first.time_ms + ledger_interval_ms); // reads close no ledger
    CHECK(one.rounds[2].signal == 11);
    CHECK(all_runs(one).size() == 4);
}

TEST_CASE("mistakes in a file of cases are all named with their lines") {
    CaseFile file;
    CHECK(
        file.problems("[[case]]\nname=\"a\"\n[[case.round]]\ninput=[]\noutputs=[{user=\"a\"}]\n") ==
        std::vector<std::string>{"4: unknown key \"input\" in a round; did you mean \"inputs\"?",
                                 "5: an output needs one of json, text, hex, b64, file"});
    CHECK(file.problems("[[case]]\n[[case.round]]\n") ==
          std::vector<std::string>{"1: a case needs a name"});
    CHECK(file.problems("[[case]]\nname=\"a\"\n") ==
          std::vector<std::string>{"1: a case needs a [[case.round]]"});
    CHECK(file.problems("[[case]\n").size() == 1);
    const std::string head = "[[case]]\nname=\"a\"\n[[case.round]]\n";
    CHECK(file.problems(head + "inputs=[{user=\"a\", file=\"missing\"}]\n").front() ==
          "4: file is not what it should be, or cannot be read");
    CHECK(file.problems(head + "signal=\"SIGNONE\"\n").front() ==
          "4: signal must be a name such as \"SIGSEGV\"");
    CHECK(file.problems(head + "npl=[{from=0, text=\"x\"}]\n").size() == 1);
    CHECK(file.problems(head + "inputs=[]\nread=[]\n").size() == 1);
}

} // namespace
} // namespace hp::dev
