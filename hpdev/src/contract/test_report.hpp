// SPDX-License-Identifier: Apache-2.0
// What became of one test of any kind, as it is shown: a case, a script, a program of unit tests.
// Pure, except for write_junit, which blocks.
#pragma once

#include "cli/json_writer.hpp"
#include "contract/test_run.hpp"

#include <string>
#include <vector>

namespace hp::dev {

struct TestReport {
    std::string kind = "case"; // case, script, unit
    std::string file;          // empty: none
    std::size_t line = 0;
    std::string name;
    bool passed = true;
    bool only_diverged = false; // expectations were met, but replicas disagree
    std::int64_t elapsed_ms = 0;
    std::string why; // lines, each with file and line where there are such
    std::vector<std::pair<std::string, std::string>> details; // further members, as JSON

    // "tests/tally.hpt.toml: adds"
    std::string title() const;
};

TestReport report_on(const CaseResult& result);

std::string report_text(const TestReport& report);
cli::JsonObject report_json(const TestReport& report);

// The format that CI systems read.
Status write_junit(const std::filesystem::path& file, const std::vector<TestReport>& reports);

} // namespace hp::dev
