// SPDX-License-Identifier: Apache-2.0
// scenario ...: files that combine load, faults and expectations, run on a cluster of their own.
#include "commands.hpp"

#include "cli/json_writer.hpp"
#include "cli/output.hpp"
#include "cli/text_table.hpp"
#include "cluster/places.hpp"
#include "commands/end_signals.hpp"
#include "commands/notes.hpp"
#include "commands/temporary_cluster.hpp"
#include "scenario/runner.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace hp::dev {
namespace {

using cli::Args;
using cli::CommandInfo;
using cli::ErrorId;
using cli::OptionInfo;
using cli::Scope;

// A folder for a moment.
class ScratchFolder {
public:
    static Expected<ScratchFolder> make() {
        std::error_code error;
        std::string path = (fs::temp_directory_path(error) / "hpdev-run.XXXXXX").string();
        if (::mkdtemp(path.data()) == nullptr) {
            return cli::failure(ErrorId::failed, "cannot make a folder " + path);
        }
        return ScratchFolder(path);
    }
    ~ScratchFolder() {
        std::error_code ignored;
        if (!path_.empty()) {
            fs::remove_all(path_, ignored);
        }
    }
    ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    ScratchFolder& operator=(ScratchFolder&&) = delete;
    const fs::path& path() const { return path_; }

private:
    explicit ScratchFolder(fs::path path) : path_(std::move(path)) {}
    fs::path path_;
};

std::string line_of(const StepReport& step) {
    std::array<char, 64> head{};
    std::snprintf(head.data(), head.size(), "%6.1fs  %-12s", static_cast<double>(step.at_ms) / 1000,
                  step.ledger == 0 ? "" : ("ledger " + std::to_string(step.ledger)).c_str());
    return head.data() + std::string(step.passed ? "" : "FAILED  ") + step.what +
           (step.said.empty() ? "" : "  (" + step.said + ")") + "\n";
}

cli::JsonObject report_members(cli::JsonObject out, const Scenario& scenario,
                               const ScenarioReport& report) {
    cli::JsonArray steps;
    for (const StepReport& step : report.steps) {
        cli::JsonObject one;
        one.add("line", std::uint64_t{step.line});
        one.add("at_ms", static_cast<std::uint64_t>(step.at_ms)).add("ledger", step.ledger);
        one.add("what", step.what).add("said", step.said).add("passed", step.passed);
        steps.add_raw(one.text());
    }
    out.add("name", scenario.name).add("steps", steps);
    if (!scenario.load.empty()) {
        cli::JsonObject load;
        load.add("runs", report.load.runs).add("failed", report.load.failed);
        load.add("inputs", report.load.inputs).add("accepted", report.load.accepted);
        load.add("rejected", report.load.rejected).add("unknown", report.load.unknown);
        out.add("load", load);
    }
    return out.add("elapsed_ms", static_cast<std::uint64_t>(report.elapsed_ms));
}

cli::Outcome answer(const Args& args, const fs::path& file, const Scenario& scenario,
                    const ScenarioReport& report) {
    if (const StepReport* step = report.failed()) {
        cli::Failure failure{ErrorId::expectation,
                             file.string() +
                                 (step->line == 0 ? "" : ":" + std::to_string(step->line)) + ": " +
                                 step->what + (step->said.empty() ? "" : ": " + step->said)};
        failure.members = report_members({}, scenario, report);
        return tl::unexpected(std::move(failure));
    }
    if (args.json) {
        return cli::Answer{report_members(cli::document(args.schema), scenario, report).text() +
                           "\n"};
    }
    return cli::Answer{scenario.name + ": passed, " + std::to_string(report.elapsed_ms) + " ms\n"};
}

Expected<fs::path> bundle_of(const Scenario& scenario, const Place& place) {
    std::error_code ignored;
    const fs::path out =
        scenario.contract == "build" ? place.bundle() : place.root / scenario.contract;
    if (!fs::is_directory(out, ignored)) {
        return cli::failure(ErrorId::file_not_found, "there is no contract in " + out.string(),
                            "hpdev build");
    }
    return out;
}

// The cluster that is named and runs, or one for this alone.
Expected<std::unique_ptr<TemporaryCluster>> own_cluster(const Args& args, const Place& place,
                                                        const Scenario& scenario) {
    TemporaryWanted wanted;
    wanted.nodes = static_cast<unsigned>(scenario.nodes);
    wanted.observers = static_cast<unsigned>(scenario.observers);
    wanted.roundtime_ms = static_cast<std::uint32_t>(scenario.roundtime_ms);
    wanted.threshold = static_cast<std::uint32_t>(scenario.threshold);
    HP_DEV_TRY(wanted.bundle, bundle_of(scenario, place));
    return TemporaryCluster::start(args, place, wanted);
}

cli::Outcome run_one(const Args& args, const Place& place, const fs::path& file,
                     const Scenario& scenario, EndSignals& signals) {
    ScenarioPlaces places;
    places.root = place.root;
    HP_DEV_TRY(const ScratchFolder scratch, ScratchFolder::make());
    places.scratch = scratch.path();
    std::unique_ptr<TemporaryCluster> own;
    if (args.shared.text("cluster")) {
        HP_DEV_TRY(const Cluster cluster, find_running(args));
        places.cluster = cluster.dir;
    } else {
        HP_DEV_TRY(own, own_cluster(args, place, scenario));
        places.cluster = own->dir();
    }
    HP_DEV_TRY(const ScenarioReport report, run_scenario(
                                                scenario, places,
                                                [&args](const StepReport& step) {
                                                    if (!args.json) {
                                                        (void)cli::write_answer(args,
                                                                                line_of(step));
                                                    }
                                                },
                                                [&signals] { return signals.count() > 0; }));
    if (report.interrupted) {
        return tl::unexpected(cli::silent(signals.exit_code()));
    }
    return answer(args, file, scenario, report);
}

cli::Outcome run_run(const Args& args) {
    HP_DEV_TRY(const Place place, find_place(args));
    const fs::path file = args.arguments.front();
    HP_DEV_TRY(const Scenario scenario, load_scenario(file, place.root));
    EndSignals signals;
    return run_one(args, place, file, scenario, signals);
}

cli::Outcome run_validate(const Args& args) {
    HP_DEV_TRY(const Place place, find_place(args));
    std::vector<fs::path> files(args.arguments.begin(), args.arguments.end());
    if (files.empty()) {
        files = find_scenarios(place.root);
    }
    std::string text;
    cli::JsonArray names;
    cli::Failure bad{ErrorId::bad_file, ""};
    for (const fs::path& file : files) {
        const auto scenario = load_scenario(file, place.root);
        if (scenario) {
            text += file.string() + ": " + scenario->name + ", " +
                    std::to_string(scenario->steps.size()) + " steps\n";
            names.add(file.string());
        } else if (scenario.error().id != ErrorId::bad_file) {
            return tl::unexpected(scenario.error());
        } else { // those of all files at once
            bad.message += (bad.message.empty() ? "" : "; ") + scenario.error().message;
            for (const auto& [where, what] : scenario.error().detail) {
                bad.detail.emplace_back(
                    (files.size() > 1 ? file.string() + ", " : std::string()) + where, what);
            }
        }
    }
    if (!bad.message.empty()) {
        return tl::unexpected(std::move(bad));
    }
    return cli::Answer{args.json ? cli::document(args.schema).add("files", names).text() + "\n"
                                 : text};
}

cli::Outcome run_list(const Args& args) {
    HP_DEV_TRY(const Place place, find_place(args));
    cli::TextTable table({"FILE", "NODES", "STEPS", "NAME"});
    cli::JsonArray scenarios;
    for (const fs::path& path : find_scenarios(place.root)) {
        const fs::path file = path.lexically_relative(place.root);
        const auto scenario = load_scenario(path, place.root);
        const std::string name = scenario ? scenario->name : scenario.error().message;
        const std::uint64_t nodes = scenario ? static_cast<std::uint64_t>(scenario->nodes) : 0;
        const std::uint64_t steps = scenario ? scenario->steps.size() : 0;
        table.add({file.string(), std::to_string(nodes), std::to_string(steps), name});
        cli::JsonObject one;
        one.add("file", file.string()).add("name", name).add("valid", scenario.has_value());
        scenarios.add_raw(one.add("nodes", nodes).add("steps", steps).text());
    }
    return cli::Answer{args.json
                           ? cli::document(args.schema).add("scenarios", scenarios).text() + "\n"
                           : table.text()};
}

constexpr std::array scenario_table = {
    CommandInfo{"scenario run",
                "FILE",
                1,
                1,
                Scope::online,
                "Run a scenario on a cluster of its own (with --cluster on that one)",
                "hpdev scenario run scenarios/smoke.toml",
                "hpdev scenario run scenarios/smoke.toml --cluster default --json | jq .steps",
                {},
                "ok:bool name?:text steps?:[{line:int at_ms:int ledger:int what:text said:text "
                "passed:bool}] load?:{runs:int failed:int inputs:int accepted:int rejected:int "
                "unknown:int} elapsed_ms?:int",
                run_run},
    CommandInfo{"scenario list",
                "",
                0,
                0,
                Scope::on_demand,
                "List the project's scenarios",
                "hpdev scenario list",
                "hpdev scenario list --json | jq -r '.scenarios[].file'",
                {},
                "ok:bool scenarios?:[{file:text name:text valid:bool nodes:int steps:int}]",
                run_list},
    CommandInfo{"scenario validate",
                "[FILE...]",
                0,
                cli::any_number,
                Scope::on_demand,
                "Check scenario files and show all mistakes",
                "hpdev scenario validate",
                "hpdev scenario validate scenarios/smoke.toml --json",
                {},
                "ok:bool files?:[text]",
                run_validate},
};

} // namespace

cli::Commands scenario_commands() {
    return scenario_table;
}

} // namespace hp::dev
