// SPDX-License-Identifier: Apache-2.0
// check: finds what would make nodes disagree, before a contract is deployed.
#include "commands.hpp"

#include "cli/json_writer.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "clock.hpp"
#include "contract/determinism.hpp"
#include "contract/difference_text.hpp"
#include "contract/find_contract.hpp"
#include "contract/order_options.hpp"
#include "contract/test_files.hpp"
#include "contract/test_run.hpp"
#include "project/project.hpp"

#include <algorithm>
#include <array>

namespace hp::dev {
namespace {

using cli::Args;
using cli::ErrorId;
using cli::Failure;
using cli::JsonArray;
using cli::JsonObject;
using cli::OptionInfo;
using cli::Parsed;

constexpr std::size_t nodes_max = 16;
constexpr std::size_t findings_max = 3; // cases that are looked into; more are likely the same
constexpr std::size_t suspects_shown = 12;
constexpr std::size_t silent_rounds = 2; // when there is nothing that could be sent

constexpr std::array option_table = {
    OptionInfo{"--runs", "N", "nodes that run each case, on machines that differ (5)"},
    OptionInfo{"-k,--filter", "TEXT", "only cases in whose file or name this occurs"},
    OptionInfo{"-u,--user", "NAME...", "a connected user; the first one sends inputs (alice)"},
    OptionInfo{"-i,--input", "TEXT...", "instead of test cases: \"op=add n:=5\" or \"bob: ...\""},
    OptionInfo{"--bundle", "DIR", "the contract's bundle (default: the project's)"},
    OptionInfo{"--static-only", "", "run nothing: look into programs and sources only"},
    OptionInfo{"--allow", "RULE...", "results may depend on this, such as time-zone"},
};

constexpr std::string_view fields =
    "ok:bool cases:int nodes:int findings:[{case:text file?:text line?:int round:int "
    "difference:{where:text offset?:int json_path?:text a:text b:text} causes:[{rule:text "
    "meaning:text cure:text calls:[{rule:text what:text where:text}]}]}] "
    "suspects:[{rule:text what:text where:text}] elapsed_ms:int";

struct Options {
    DeterminismOptions run;
    std::string filter;
    bool static_only = false;
};

struct Finding {
    const TestCase* test = nullptr;
    Disagreement what;
};

struct Report {
    std::size_t cases = 0;
    std::vector<Finding> findings;
    std::vector<Suspect> suspects; // that are not allowed
    std::int64_t elapsed_ms = 0;
};

Parsed<Options> take_options(const Args& args) {
    Options out;
    std::uint64_t nodes = out.run.nodes;
    cli::OptionReader reader(args);
    reader.count("runs", nodes).text("filter", out.filter);
    if (nodes < 2 || nodes > nodes_max) {
        return cli::failure(ErrorId::usage,
                            "--runs: 2 to " + std::to_string(nodes_max) + " runs can be compared");
    }
    out.run.nodes = static_cast<std::size_t>(nodes);
    out.static_only = args.options.has("static-only");
    for (const std::string& name : args.options.all("allow")) {
        const auto factor = parse_factor(name);
        if (!factor) {
            std::string known;
            for (const FactorInfo& one : factor_table) {
                known += (known.empty() ? "" : ", ") + std::string(one.name);
            }
            return cli::bad_value("--allow", name, "one of " + known);
        }
        out.run.allowed.insert(*factor);
    }
    return reader.done(std::move(out));
}

TestCase made_up_case(const std::string& name, std::vector<OrderUser> users, std::size_t rounds,
                      std::size_t nodes) {
    TestCase out;
    out.name = name;
    for (std::size_t i = 0; i < rounds; ++i) {
        RunOrder order;
        order.users = users;
        order.unl = nodes;
        order.seq += i;
        order.time_ms += static_cast<TimeMs>(i) * ledger_interval_ms;
        TestRound round;
        round.runs.push_back(std::move(order));
        out.rounds.push_back(std::move(round));
    }
    return out;
}

// What is run: inputs of the command line, or the test cases, or nothing but ledgers.
Parsed<std::vector<TestCase>> take_cases(const Args& args, const Options& options) {
    if (options.static_only) {
        return std::vector<TestCase>();
    }
    if (args.options.has("input") || args.options.has("user")) {
        Args only = args;
        only.arguments.clear(); // these are files of cases
        auto users = take_users(only);
        if (!users) {
            return tl::unexpected(std::move(users.error()));
        }
        return std::vector{
            made_up_case("the given inputs", std::move(*users), 1, options.run.nodes)};
    }
    const bool no_project = args.arguments.empty() && args.options.has("bundle");
    std::vector<TestCase> out;
    if (!no_project) {
        auto found = find_test_cases(args, options.filter);
        if (!found) {
            return found;
        }
        out = std::move(*found);
    }
    if (out.empty()) {
        out.push_back(made_up_case("ledgers without inputs", {}, silent_rounds, options.run.nodes));
    }
    return out;
}

JsonObject suspect_json(const Suspect& one) {
    JsonObject out;
    out.add("rule", info(one.factor).name).add("what", one.what).add("where", one.where);
    return out;
}

JsonArray suspects_json(const std::vector<Suspect>& suspects) {
    JsonArray out;
    for (const Suspect& one : suspects) {
        out.add_raw(suspect_json(one).text());
    }
    return out;
}

JsonObject finding_json(const Finding& finding) {
    JsonObject out, difference;
    JsonArray causes;
    for (const Cause& cause : finding.what.causes) {
        JsonObject one;
        const FactorInfo& about = info(cause.factor);
        one.add("rule", about.name).add("meaning", about.meaning).add("cure", about.cure);
        causes.add_raw(one.add("calls", suspects_json(cause.calls)).text());
    }
    add_difference(difference, finding.what.divergence.difference);
    out.add("case", finding.test->name);
    if (!finding.test->file.empty()) {
        out.add("file", finding.test->file.string());
        out.add("line", std::uint64_t{finding.test->line});
    }
    out.add("round", std::uint64_t{round_of_run(*finding.test, finding.what.divergence.run)});
    return out.add("difference", difference).add("causes", causes);
}

std::string suspects_text(const std::vector<Suspect>& suspects, const std::string& indent) {
    std::string out;
    for (std::size_t i = 0; i < std::min(suspects.size(), suspects_shown); ++i) {
        out += indent + suspects[i].what + "   " + suspects[i].where + "\n";
    }
    if (suspects.size() > suspects_shown) {
        out += indent + "... and " + std::to_string(suspects.size() - suspects_shown) + " more\n";
    }
    return out;
}

std::string finding_text(const Finding& finding, const std::vector<Suspect>& suspects) {
    const TestCase& test = *finding.test;
    const Divergence& divergence = finding.what.divergence;
    std::string out = "nodes disagree: " + (test.file.empty() ? test.name : title_of(test)) +
                      ", round " + std::to_string(round_of_run(test, divergence.run)) + "\n";
    out += difference_text(divergence.difference, "  ");
    for (const Cause& cause : finding.what.causes) {
        const FactorInfo& about = info(cause.factor);
        out += "  depends on " + std::string(about.meaning) + "  [" + std::string(about.name) +
               "]\n" + suspects_text(cause.calls, "    ");
        if (cause.calls.empty()) { // nobody was seen at it: what stands in sources and programs
            std::vector<Suspect> same;
            std::ranges::copy_if(suspects, std::back_inserter(same), [&](const Suspect& one) {
                return one.factor == cause.factor ||
                       (cause.factor == Factor::other && one.factor == Factor::random);
            });
            out += suspects_text(same, "    perhaps ");
        }
        out += "  fix: " + std::string(about.cure) + "\n";
    }
    return out;
}

std::string report_text(const Report& report, const Options& options) {
    std::string out;
    for (const Finding& finding : report.findings) {
        out += finding_text(finding, report.suspects);
    }
    if (options.static_only || (report.findings.empty() && !report.suspects.empty())) {
        for (const Suspect& one : report.suspects) {
            out += "suspicious  [" + std::string(info(one.factor).name) + "]  " + one.what + "   " +
                   one.where + "\n";
        }
    }
    if (!options.static_only && report.findings.empty()) {
        out += "ok  " + std::to_string(report.cases) + " cases, each the same on " +
               std::to_string(options.run.nodes) +
               " nodes that differ in time, random numbers, "
               "addresses, directory order and more, " +
               std::to_string(report.elapsed_ms) + " ms\n";
    } else if (report.findings.empty() && report.suspects.empty()) {
        out += "ok  nothing suspicious in programs and sources\n";
    }
    return out;
}

cli::Outcome answer(const Args& args, const Report& report, const Options& options) {
    JsonArray findings;
    for (const Finding& one : report.findings) {
        findings.add_raw(finding_json(one).text());
    }
    JsonObject members;
    members.add("cases", std::uint64_t{report.cases});
    members.add("nodes", std::uint64_t{options.static_only ? 0 : options.run.nodes});
    members.add("findings", findings).add("suspects", suspects_json(report.suspects));
    members.add("elapsed_ms", static_cast<std::uint64_t>(report.elapsed_ms));
    const std::string text = report_text(report, options);
    const bool suspected = options.static_only && !report.suspects.empty();
    if (!report.findings.empty() || suspected) {
        Failure failure{ErrorId::not_deterministic,
                        suspected ? "there are calls whose results differ from node to node"
                                  : "nodes would disagree about what this contract does"};
        failure.hint = suspected ? "hpdev check without --static-only shows whether it matters"
                                 : "--allow RULE lets results depend on it";
        failure.answer = text;
        failure.members = std::move(members);
        return tl::unexpected(std::move(failure));
    }
    if (!args.json) {
        return cli::Answer{text};
    }
    return cli::Answer{cli::document(args.schema).add_all(members).text() + "\n"};
}

// Blames the machine only when it cannot run a case at all.
tl::expected<void, Failure> run_cases(const ContractSource& source,
                                      const std::vector<TestCase>& cases, const Options& options,
                                      Report& report) {
    const auto scratch = Scratch::make();
    if (!scratch) {
        return tl::unexpected(machine_failure(scratch.err()));
    }
    const auto runner = ContractRunner::start(scratch->path(), source.sandbox);
    if (!runner) {
        return tl::unexpected(machine_failure(runner.err()));
    }
    for (const TestCase& one : cases) {
        auto found = find_disagreement(**runner, source, all_runs(one), options.run,
                                       scratch->path() / "case");
        if (!found) {
            return tl::unexpected(machine_failure(found.err()));
        }
        ++report.cases;
        if (*found) {
            report.findings.push_back({&one, std::move(**found)});
        }
        if (report.findings.size() == findings_max) {
            break;
        }
    }
    return {};
}

cli::Outcome run_check(const Args& args) {
    const auto options = take_options(args);
    if (!options) {
        return tl::unexpected(options.error());
    }
    const auto source = find_contract(args);
    if (!source) {
        return tl::unexpected(source.error());
    }
    const auto cases = take_cases(args, *options);
    if (!cases) {
        return tl::unexpected(cases.error());
    }
    const std::int64_t begun_ms = now_mono_ms();
    if (!args.quiet && !options->static_only) {
        cli::write_note(cli::note_head(args) + std::to_string(cases->size()) + " cases on " +
                        std::to_string(options->run.nodes) + " nodes\n");
    }
    Report report;
    if (const auto ran = run_cases(*source, *cases, *options, report); !ran) {
        return tl::unexpected(ran.error());
    }
    std::filesystem::path sources;
    if (!args.options.has("bundle")) {
        const auto project = load_project(args);
        sources = project ? project->root : std::filesystem::path();
    }
    for (Suspect& one : look_for_suspects(source->directory, sources)) {
        if (!options->run.allowed.contains(one.factor)) {
            report.suspects.push_back(std::move(one));
        }
    }
    report.elapsed_ms = now_mono_ms() - begun_ms;
    return answer(args, report, *options);
}

constexpr std::array check_table = {
    cli::CommandInfo{"check", "[FILE|FOLDER...]", 0, cli::any_number, cli::Scope::on_demand,
                     "Find what would make nodes disagree, before the contract is deployed",
                     "hpdev check", "hpdev check --runs 10 -i 'op=add n:=5' --json | jq .findings",
                     option_table, fields, run_check},
};

} // namespace

cli::Commands check_commands() {
    return check_table;
}

} // namespace hp::dev
