// SPDX-License-Identifier: Apache-2.0
// test: the project's test cases, each with a state of its own, without any node.
#include "commands.hpp"

#include "cli/json_writer.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "clock.hpp"
#include "commands/temporary_cluster.hpp"
#include "contract/find_contract.hpp"
#include "contract/script_tests.hpp"
#include "contract/test_files.hpp"
#include "contract/test_report.hpp"
#include "contract/test_run.hpp"
#include "project/build.hpp"
#include "scenario/load.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <thread>

namespace hp::dev {
namespace {

using cli::Args;
using cli::ErrorId;
using cli::Failure;
using cli::JsonArray;
using cli::JsonObject;
using cli::OptionInfo;
using cli::Parsed;

constexpr std::size_t replicas_max = 16;
constexpr unsigned script_nodes = 3;
constexpr std::size_t jobs_max = 4; // each case runs all its replicas at once

constexpr std::array option_table = {
    OptionInfo{"-k,--filter", "TEXT", "only cases in whose file or name this occurs"},
    OptionInfo{"--bundle", "DIR", "the contract's bundle (default: the project's)"},
    OptionInfo{"--replicas", "N", "nodes that run each case, on machines that differ (1)"},
    OptionInfo{"--update-golden", "", "write files that cases compare with anew"},
    OptionInfo{"--junit", "FILE", "write a report for CI systems as well"},
    OptionInfo{"--jobs", "N", "cases at the same time (number of processors, at most 4)"},
};

constexpr std::string_view fields =
    "ok:bool passed:int failed:int elapsed_ms:int tests:[{kind:case|script|unit file?:text "
    "line?:int name:text passed:bool "
    "elapsed_ms:int problem?:text mismatches?:[{line:int round:int what:text want:text got:text "
    "at?:text}] divergence?:{round:int node:int where:text offset?:int json_path?:text a:text "
    "b:text}}]";

struct Options {
    TestOptions run;
    std::string filter, junit;
};

Parsed<Options> take_options(const Args& args) {
    Options out;
    std::uint64_t replicas = 1;
    std::uint64_t jobs =
        std::clamp<std::uint64_t>(std::thread::hardware_concurrency(), 1, jobs_max);
    cli::OptionReader reader(args);
    reader.text("filter", out.filter).text("junit", out.junit);
    reader.count("replicas", replicas).count("jobs", jobs);
    if (replicas > replicas_max || jobs > 64) {
        return cli::failure(ErrorId::usage, "that many at the same time make no sense: at most " +
                                                std::to_string(replicas_max) + " replicas");
    }
    out.run.replicas = static_cast<std::size_t>(replicas);
    out.run.jobs = static_cast<std::size_t>(jobs);
    out.run.update_golden = args.options.has("update-golden");
    return reader.done(std::move(out));
}

cli::Outcome answer(const Args& args, const std::vector<TestReport>& reports,
                    std::int64_t elapsed_ms) {
    const auto failed = static_cast<std::uint64_t>(
        std::ranges::count_if(reports, [](const TestReport& one) { return !one.passed; }));
    std::string text;
    JsonArray tests;
    for (const TestReport& one : reports) {
        text += report_text(one);
        tests.add_raw(report_json(one).text());
    }
    const std::string total = std::to_string(reports.size() - failed) + " passed, " +
                              std::to_string(failed) + " failed, " + std::to_string(elapsed_ms) +
                              " ms\n";
    JsonObject members;
    members.add("passed", std::uint64_t{reports.size()} - failed).add("failed", failed);
    members.add("elapsed_ms", static_cast<std::uint64_t>(elapsed_ms)).add("tests", tests);
    if (failed > 0) {
        const bool diverged = std::ranges::all_of(
            reports, [](const TestReport& one) { return one.passed || one.only_diverged; });
        Failure failure{diverged ? ErrorId::not_deterministic : ErrorId::test_failed,
                        std::to_string(failed) + " of " + std::to_string(reports.size()) +
                            " tests failed"};
        failure.hint = diverged ? "hpdev check says what the results depend on" : "";
        failure.answer = text + total;
        failure.members = std::move(members);
        return tl::unexpected(std::move(failure));
    }
    if (!args.json) {
        return cli::Answer{text + total};
    }
    return cli::Answer{cli::document(args.schema).add_all(members).text() + "\n"};
}

Parsed<std::vector<TestReport>> run_cases(const Args& args, const Options& options) {
    const auto tests = find_test_cases(args, options.filter);
    if (!tests || tests->empty()) {
        return tests ? Parsed<std::vector<TestReport>>() : tl::unexpected(tests.error());
    }
    const auto source = find_contract(args);
    if (!source) {
        return tl::unexpected(source.error());
    }
    const auto scratch = Scratch::make();
    if (!scratch) {
        return tl::unexpected(machine_failure(scratch.err()));
    }
    const auto runner = ContractRunner::start(scratch->path(), source->sandbox);
    if (!runner) {
        return tl::unexpected(machine_failure(runner.err()));
    }
    if (!args.quiet && tests->size() > 1) {
        cli::write_note(cli::note_head(args) + std::to_string(tests->size()) + " cases\n");
    }
    std::vector<TestReport> out;
    for (const CaseResult& one :
         run_test_cases(**runner, *source, *tests, options.run, scratch->path())) {
        out.push_back(report_on(one));
    }
    return out;
}

// The project's own programs of tests: whatever its hpdev.toml names, such as ctest, node --test.
Parsed<std::vector<TestReport>> run_unit_tests(const Args& args, const Options& options) {
    std::vector<TestReport> out;
    if (!args.arguments.empty() || args.options.has("bundle")) {
        return out; // something else is asked for
    }
    const auto project = load_project(args);
    if (!project) {
        return tl::unexpected(project.error());
    }
    for (const std::string& command : project->test.commands) {
        if (command.find(options.filter) == std::string::npos) {
            continue;
        }
        const std::int64_t begun_ms = now_mono_ms();
        const auto code = run_shell(project->root, command, build_environment(*project, {}));
        if (!code) {
            return tl::unexpected(code.error());
        }
        TestReport report;
        report.kind = "unit";
        report.name = command;
        report.passed = *code == 0;
        report.elapsed_ms = now_mono_ms() - begun_ms;
        report.why = *code == 0 ? "" : "  exit code " + std::to_string(*code) + "\n";
        out.push_back(std::move(report));
    }
    return out;
}

// Of the cluster that --cluster names, or of one that is made for them and knows nothing yet.
Parsed<std::vector<std::string>> script_target(const Args& args, const Project& project,
                                               std::unique_ptr<TemporaryCluster>& own) {
    if (args.shared.text("cluster")) {
        HP_DEV_TRY(const Cluster cluster, find_running(args));
        return hpcli_target(cluster);
    }
    TemporaryWanted wanted;
    wanted.nodes = script_nodes;
    wanted.bundle = args.options.text("bundle").value_or(project.bundle_directory().string());
    std::error_code ignored;
    if (!fs::is_directory(wanted.bundle, ignored)) {
        return cli::failure(ErrorId::file_not_found, "the project has not been built yet",
                            "hpdev build");
    }
    HP_DEV_TRY(const Place place, find_place(args));
    HP_DEV_TRY(own, TemporaryCluster::start(args, place, wanted));
    HP_DEV_TRY(const Cluster cluster, load_cluster(own->dir()));
    return hpcli_target(cluster);
}

// Only those that are named: they need a cluster.
Parsed<std::vector<TestReport>> run_scripts(const Args& args, const Options& options) {
    std::vector<TestReport> out;
    const auto scripts = named_scripts(args);
    if (scripts.empty()) {
        return out;
    }
    const auto project = load_project(args);
    if (!project) {
        return tl::unexpected(project.error());
    }
    std::unique_ptr<TemporaryCluster> own; // until all have run
    const auto target = script_target(args, *project, own);
    if (!target) {
        return tl::unexpected(target.error());
    }
    for (const auto& script : scripts) {
        if (script.string().find(options.filter) == std::string::npos) {
            continue;
        }
        auto report = run_script_test(*project, script, *target);
        if (!report) {
            return tl::unexpected(std::move(report.error()));
        }
        out.push_back(std::move(*report));
    }
    return out;
}

cli::Outcome run_test(const Args& args) {
    const auto options = take_options(args);
    if (!options) {
        return tl::unexpected(options.error());
    }
    const std::int64_t begun_ms = now_mono_ms();
    auto reports = run_cases(args, *options);
    if (!reports) {
        return tl::unexpected(std::move(reports.error()));
    }
    for (const auto& more : {run_unit_tests, run_scripts}) {
        auto others = more(args, *options);
        if (!others) {
            return tl::unexpected(std::move(others.error()));
        }
        std::ranges::move(*others, std::back_inserter(*reports));
    }
    if (reports->empty()) {
        return cli::failure(ErrorId::file_not_found, "there are no such tests",
                            "cases are in files *.hpt.toml; see docs/hpdev-testing.md");
    }
    if (!options->junit.empty()) {
        if (const Status written = write_junit(options->junit, *reports); !written) {
            return cli::failure(ErrorId::cannot_write, written.err().context);
        }
    }
    return answer(args, *reports, now_mono_ms() - begun_ms);
}

constexpr std::array test_table = {
    cli::CommandInfo{
        "test", "[FILE|FOLDER|SCRIPT.hps...]", 0, cli::any_number, cli::Scope::on_demand,
        "Run the project's test cases without a node, scripts on nodes of their own", "hpdev test",
        "hpdev test -k adds --replicas 3 --junit report.xml", option_table, fields, run_test},
};

} // namespace

cli::Commands test_commands() {
    return test_table;
}

} // namespace hp::dev
