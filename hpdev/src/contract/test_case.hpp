// SPDX-License-Identifier: Apache-2.0
// Test cases as files (*.hpt.toml, docs/hpdev-testing.md): rounds of inputs or read requests, and
// what is to come of them. Read strictly, all mistakes at once, each with its line. Reads the files
// that cases name; values.
#pragma once

#include "cli/errors.hpp"
#include "contract/dry_run.hpp"

#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace hp::dev {

// A text, bytes or a JSON value that is wanted somewhere.
struct Wanted {
    bool is_json = false;
    Bytes content;                // the bytes, or the value as JSON
    std::filesystem::path golden; // the file it comes from; may be written anew
    std::size_t line = 0;
};

struct WantedOutput {
    std::string user;
    Wanted what;
};

struct WantedFile {
    std::string path;           // below state/
    std::optional<Wanted> what; // absent: there is no such file
    std::size_t line = 0;
};

struct TestRound {
    std::size_t line = 0;
    std::vector<RunOrder> runs; // one for a ledger, or one for each read request
    std::optional<std::vector<WantedOutput>> outputs;
    bool unordered = false; // outputs to one user in any order
    std::vector<WantedFile> state;
    std::optional<std::vector<Wanted>> npl; // what it says to other nodes
    std::optional<Wanted> patch;            // members that patch.cfg has
    int exit = 0;
    int signal = 0; // 0: it is not to be killed
    bool timeout = false;
};

struct TestCase {
    std::filesystem::path file;
    std::size_t line = 0;
    std::string name;
    std::vector<TestRound> rounds;
};

tl::expected<std::vector<TestCase>, cli::Failure>
read_test_cases(const std::filesystem::path& file);

// All runs of its rounds, in order.
std::vector<RunOrder> all_runs(const TestCase& test);

} // namespace hp::dev
