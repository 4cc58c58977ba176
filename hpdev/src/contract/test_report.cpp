// SPDX-License-Identifier: Apache-2.0
#include "contract/test_report.hpp"

#include "contract/difference_text.hpp"
#include "contract/test_files.hpp"
#include "hp/os/files.hpp"

#include <algorithm>

namespace hp::dev {
namespace {

using Members = std::vector<std::pair<std::string, std::string>>;

cli::JsonObject mismatch_json(std::size_t round, const Mismatch& one) {
    cli::JsonObject out;
    out.add("line", std::uint64_t{one.line}).add("round", std::uint64_t{round});
    out.add("what", one.what).add("want", one.want).add("got", one.got);
    if (!one.at.empty()) {
        out.add("at", one.at);
    }
    return out;
}

std::string failure_text(const CaseResult& result) {
    const std::string file = result.test->file.string() + ":";
    std::string out;
    if (result.error) {
        out +=
            "  " + file + std::to_string(result.test->line) + ": " + result.error->context + "\n";
    }
    for (const auto& [round, one] : result.mismatches) {
        out += "  " + file + std::to_string(one.line) + ": round " + std::to_string(round) + ", " +
               one.what + (one.at.empty() ? "" : ", at " + one.at) + "\n    want  " + one.want +
               "\n    got   " + one.got + "\n";
    }
    if (result.divergence) {
        const std::size_t round = round_of_run(*result.test, result.divergence->run);
        out += "  " + file + std::to_string(result.test->rounds[round - 1].line) + ": round " +
               std::to_string(round) + ", nodes 1 (A) and " +
               std::to_string(result.divergence->replica + 1) + " (B) differ\n" +
               difference_text(result.divergence->difference, "    ");
    }
    return out;
}

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '<' || c == '>' || c == '&' || c == '"') {
            out += "&#" + std::to_string(byte) + ";";
        } else {
            out += byte < 0x20 && c != '\n' && c != '\t' ? '?' : c; // XML has no such characters
        }
    }
    return out;
}

std::string seconds(std::int64_t ms) {
    const std::string rest = std::to_string(1000 + ms % 1000);
    return std::to_string(ms / 1000) + "." + rest.substr(1);
}

Members details_of(const CaseResult& result) {
    cli::JsonArray mismatches;
    for (const auto& [round, one] : result.mismatches) {
        mismatches.add_raw(mismatch_json(round, one).text());
    }
    Members out;
    if (result.error) {
        out.emplace_back("problem", cli::json_string(result.error->context));
    }
    out.emplace_back("mismatches", mismatches.text());
    if (result.divergence) {
        cli::JsonObject one;
        one.add("round", std::uint64_t{round_of_run(*result.test, result.divergence->run)});
        one.add("node", std::uint64_t{result.divergence->replica + 1});
        add_difference(one, result.divergence->difference);
        out.emplace_back("divergence", one.text());
    }
    return out;
}

} // namespace

std::string TestReport::title() const {
    if (file.empty()) {
        return name;
    }
    std::error_code error;
    const auto near = std::filesystem::proximate(file, error);
    return (error ? file : near.string()) + (name.empty() ? "" : ": " + name);
}

TestReport report_on(const CaseResult& result) {
    TestReport out;
    out.file = result.test->file.string();
    out.line = result.test->line;
    out.name = result.test->name;
    out.passed = result.passed();
    out.only_diverged = result.divergence && result.mismatches.empty() && !result.error;
    out.elapsed_ms = result.elapsed_ms;
    out.why = failure_text(result);
    out.details = details_of(result);
    return out;
}

std::string report_text(const TestReport& report) {
    return (report.passed ? "ok      " : "FAILED  ") + report.title() + "  " +
           std::to_string(report.elapsed_ms) + " ms\n" + report.why;
}

cli::JsonObject report_json(const TestReport& report) {
    cli::JsonObject out;
    out.add("kind", report.kind);
    if (!report.file.empty()) {
        out.add("file", report.file);
    }
    if (report.line > 0) {
        out.add("line", std::uint64_t{report.line});
    }
    out.add("name", report.name).add("passed", report.passed);
    out.add("elapsed_ms", static_cast<std::uint64_t>(report.elapsed_ms));
    for (const auto& [name, json] : report.details) {
        out.add_raw(name, json);
    }
    return out;
}

Status write_junit(const std::filesystem::path& file, const std::vector<TestReport>& reports) {
    const auto failed =
        std::ranges::count_if(reports, [](const TestReport& one) { return !one.passed; });
    std::int64_t total_ms = 0;
    std::string cases;
    for (const TestReport& one : reports) {
        total_ms += one.elapsed_ms;
        cases += "    <testcase classname=\"" + escaped(one.file.empty() ? one.kind : one.file) +
                 "\" name=\"" + escaped(one.name) + "\" time=\"" + seconds(one.elapsed_ms) + "\"";
        const std::string why = escaped(one.why);
        cases += one.passed ? "/>\n"
                            : ">\n      <failure message=\"" + why.substr(0, why.find('\n')) +
                                  "\">" + why + "</failure>\n    </testcase>\n";
    }
    const std::string counts = "tests=\"" + std::to_string(reports.size()) + "\" failures=\"" +
                               std::to_string(failed) + "\" time=\"" + seconds(total_ms) + "\"";
    const std::string text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
                             "  <testsuite name=\"hpdev test\" " +
                             counts + ">\n" + cases + "  </testsuite>\n</testsuites>\n";
    return os::replace_file(file, as_bytes(text), 0644);
}

} // namespace hp::dev
