// SPDX-License-Identifier: Apache-2.0
// chaos ...: faults of a running cluster. Each says first what the cluster must do, by the rules of
// agreement, and then looks whether it does.
#include "commands.hpp"

#include "chaos/chaos_control.hpp"
#include "chaos/observe.hpp"
#include "cli/json_writer.hpp"
#include "cli/options.hpp"
#include "cli/text_table.hpp"
#include "clock.hpp"
#include "cluster/places.hpp"
#include "commands/end_signals.hpp"
#include "commands/notes.hpp"

#include <algorithm>
#include <array>

namespace hp::dev {
namespace {

using cli::Args;
using cli::CommandInfo;
using cli::ErrorId;
using cli::OptionInfo;
using cli::Scope;

constexpr std::int64_t fault_again_ms = 50;

// --- what was asked for --------------------------------------------------------------------------

// "--latency 120ms" -> "latency=120ms": the options are words of the line.
void add_words(const Args& args, std::vector<std::string>& words) {
    for (const char* name : {"latency", "jitter", "loss", "duplicate", "rate", "only", "slow"}) {
        if (const auto value = args.options.text(name)) {
            words.push_back(name + ("=" + *value));
        }
    }
    for (const char* name : {"oneway", "full", "crash", "hang", "differ"}) {
        if (args.options.has(name)) {
            words.emplace_back(name);
        }
    }
}

std::vector<std::string> words_of(const Args& args) {
    const std::string words(args.command->words);
    std::vector<std::string> out = {words.substr(words.find(' ') + 1)};
    out.insert(out.end(), args.arguments.begin(), args.arguments.end());
    add_words(args, out);
    return out;
}

// --- what comes of it ----------------------------------------------------------------------------

// All that one of these commands has to say.
struct ChaosReport {
    std::string did; // "partition 1,2 / 3,4"
    std::vector<unsigned> ids;
    Prediction prediction;
    bool checked = false;
    Observation observed;
    std::string still; // "until: hpdev chaos clear 1"

    bool good() const { return observed.wrong.empty(); }
};

std::string joined(const std::vector<std::string>& parts) {
    std::string out;
    for (const std::string& part : parts) {
        out += (out.empty() ? "" : "; ") + part;
    }
    return out;
}

std::string report_text(const ChaosReport& report) {
    std::string out;
    if (report.checked && report.prediction.doubt.empty()) {
        out = (report.good() ? "as predicted: " + joined(report.observed.seen)
                             : "not as predicted: " + joined(report.observed.wrong)) +
              "\n";
    }
    return report.still.empty() ? out : out + report.still + "\n";
}

cli::JsonObject report_members(cli::JsonObject out, const ChaosReport& report) {
    cli::JsonArray ids;
    for (const unsigned id : report.ids) {
        ids.add_raw(std::to_string(id));
    }
    out.add("did", report.did).add("faults", ids);
    out.add("validators", std::uint64_t{report.prediction.validators});
    out.add("quorum", std::uint64_t{report.prediction.quorum});
    out.add("predicted", prediction_text(report.prediction));
    out.add("checked", report.checked && report.prediction.doubt.empty());
    cli::JsonArray seen;
    std::ranges::for_each(report.observed.seen, [&seen](const std::string& one) { seen.add(one); });
    cli::JsonArray wrong;
    std::ranges::for_each(report.observed.wrong,
                          [&wrong](const std::string& one) { wrong.add(one); });
    return out.add("seen", seen).add("wrong", wrong);
}

cli::Outcome answer(const Args& args, const ChaosReport& report) {
    if (!report.good()) {
        cli::Failure failure{ErrorId::prediction_wrong, joined(report.observed.wrong),
                             "hpdev ps, hpdev logs; " + report.still};
        failure.members = report_members({}, report);
        return tl::unexpected(std::move(failure));
    }
    return cli::Answer{args.json ? report_members(cli::document(args.schema), report).text() + "\n"
                                 : report_text(report)};
}

// Before anything is done.
Done state(const Args& args, const ChaosReport& report) {
    const std::string text = prediction_text(report.prediction) + "\n";
    if (args.json) {
        note(args, text.substr(0, text.size() - 1));
        return {};
    }
    return cli::write_answer(args, text);
}

Done check(const Args& args, const Cluster& cluster, ChaosReport& report, EndSignals& signals) {
    report.checked = !args.options.has("no-check");
    if (!report.checked || !report.prediction.doubt.empty()) {
        return {};
    }
    HP_DEV_TRY(Observation seen,
               observe(cluster.dir, report.prediction, patience_ms(cluster, report.prediction),
                       [&signals] { return signals.count() > 0; }));
    report.checked = !seen.interrupted;
    std::ranges::move(seen.seen, std::back_inserter(report.observed.seen));
    std::ranges::move(seen.wrong, std::back_inserter(report.observed.wrong));
    return {};
}

// Takes the faults back and sees to it that the cluster is as before.
Done end_and_check(const Args& args, const Cluster& cluster, const std::vector<unsigned>& ids,
                   ChaosReport& report, EndSignals& signals) {
    HP_DEV_TRY_STATUS(end_faults(cluster.dir, ids));
    HP_DEV_TRY(const Cluster now, load_cluster(cluster.dir));
    HP_DEV_TRY(const ChaosRecord left, load_chaos(now));
    report.prediction = predict(now, left.faults);
    HP_DEV_TRY_STATUS(state(args, report));
    return check(args, now, report, signals);
}

// A fault for a while: the command stays, and takes it back whatever happens meanwhile.
cli::Outcome stay(const Args& args, const Cluster& cluster, ChaosReport& report,
                  std::int64_t end_ms, EndSignals& signals) {
    if (!args.json) {
        HP_DEV_TRY_STATUS(cli::write_answer(args, report_text(report)));
    }
    while (now_mono_ms() < end_ms && signals.count() == 0) {
        sleep_ms(fault_again_ms);
    }
    const bool interrupted = signals.count() > 0;
    if (interrupted) {
        HP_DEV_TRY_STATUS(end_faults(cluster.dir, report.ids));
        return tl::unexpected(cli::silent(signals.exit_code()));
    }
    const bool good = report.good();
    ChaosReport after = report;
    HP_DEV_TRY_STATUS(end_and_check(args, cluster, report.ids, after, signals));
    after.still = "";
    if (!good || args.json) { // the first prediction is what was asked about
        report.observed = after.observed;
        report.still = "";
        return answer(args, report);
    }
    after.observed.seen.erase(after.observed.seen.begin(),
                              after.observed.seen.begin() +
                                  static_cast<std::ptrdiff_t>(report.observed.seen.size()));
    return answer(args, after);
}

cli::Outcome run_fault(const Args& args) {
    std::int64_t for_ms = 0;
    HP_DEV_TRY_STATUS(cli::OptionReader(args).duration("for", for_ms).done(true));
    HP_DEV_TRY(const Cluster cluster, find_running(args));
    HP_DEV_TRY(ClusterFault fault, parse_fault(cluster, words_of(args)));
    HP_DEV_TRY(const ChaosRecord record, load_chaos(cluster));
    ChaosReport report;
    report.did = fault_text(fault);
    report.prediction = predict(cluster, with_fault(record.faults, fault));
    EndSignals signals;
    HP_DEV_TRY_STATUS(state(args, report));
    const std::int64_t end_ms = now_mono_ms() + for_ms;
    fault.until_ms = for_ms == 0 ? 0 : now_wall_ms() + for_ms;
    HP_DEV_TRY(fault, begin_fault(cluster.dir, fault));
    report.ids = {fault.id};
    report.still = "undo it: hpdev chaos clear " + std::to_string(fault.id);
    if (auto checked = check(args, cluster, report, signals); !checked) {
        if (for_ms != 0) {
            (void)end_faults(cluster.dir, report.ids);
        }
        return tl::unexpected(std::move(checked.error()));
    }
    if (for_ms != 0) {
        report.still = "it lasts until " + std::to_string(for_ms) + " ms are over";
        return stay(args, cluster, report, end_ms, signals);
    }
    return signals.count() > 0 ? cli::Outcome(tl::unexpected(cli::silent(signals.exit_code())))
                               : answer(args, report);
}

cli::Outcome end_them(const Args& args, const Cluster& cluster, const ChaosRecord& record,
                      const std::vector<unsigned>& ids) {
    ChaosReport report;
    report.ids = ids;
    for (const unsigned id : ids) {
        const auto found = std::ranges::find(record.faults, id, &ClusterFault::id);
        if (found == record.faults.end()) {
            return cli::failure(ErrorId::not_known,
                                "there is no fault " + std::to_string(id) + " in force",
                                "hpdev chaos list");
        }
        report.did += (report.did.empty() ? "" : "; ") + fault_text(*found);
    }
    report.prediction = predict(cluster, record.faults);
    if (ids.empty()) {
        return args.json ? answer(args, report) : cli::Outcome(cli::Answer{"there is no fault\n"});
    }
    EndSignals signals;
    HP_DEV_TRY_STATUS(end_and_check(args, cluster, ids, report, signals));
    return signals.count() > 0 ? cli::Outcome(tl::unexpected(cli::silent(signals.exit_code())))
                               : answer(args, report);
}

cli::Outcome run_clear(const Args& args) {
    HP_DEV_TRY(const Cluster cluster, find_running(args));
    HP_DEV_TRY(const ChaosRecord record, load_chaos(cluster));
    std::vector<unsigned> ids;
    for (const std::string& text : args.arguments) {
        const auto id = cli::parse_count(text);
        if (!id || *id > 1'000'000'000) {
            return cli::failure(ErrorId::usage, "\"" + text + "\" is no fault's number",
                                "hpdev chaos list");
        }
        ids.push_back(static_cast<unsigned>(*id));
    }
    if (ids.empty()) {
        for (const ClusterFault& fault : record.faults) {
            ids.push_back(fault.id);
        }
    }
    return end_them(args, cluster, record, ids);
}

cli::Outcome run_heal(const Args& args) {
    HP_DEV_TRY(const Cluster cluster, find_running(args));
    HP_DEV_TRY(const ChaosRecord record, load_chaos(cluster));
    std::vector<unsigned> ids;
    for (const ClusterFault& fault : record.faults) {
        if (fault.kind == FaultKind::link || fault.kind == FaultKind::partition) {
            ids.push_back(fault.id);
        }
    }
    return end_them(args, cluster, record, ids);
}

// --- what is in force ----------------------------------------------------------------------------

std::string seconds_text(std::int64_t ms) {
    return std::to_string(std::max<std::int64_t>(0, ms) / 1000) + "s";
}

cli::Outcome run_list(const Args& args) {
    HP_DEV_TRY(const Cluster cluster, find_running(args));
    HP_DEV_TRY(const ChaosRecord record, load_chaos(cluster));
    const Prediction prediction = predict(cluster, record.faults);
    const std::int64_t now_ms = now_wall_ms();
    cli::TextTable table({"FAULT", "WHAT", "SINCE", "UNTIL", "NOT-ON"});
    cli::JsonArray faults;
    for (const ClusterFault& fault : record.faults) {
        const std::vector<unsigned> missing = not_told(cluster, record, fault);
        const std::string names = node_names(missing);
        table.add({std::to_string(fault.id), fault_text(fault),
                   seconds_text(now_ms - fault.since_ms) + " ago",
                   fault.until_ms == 0 ? "cleared" : "in " + seconds_text(fault.until_ms - now_ms),
                   names.empty() ? "-" : names});
        cli::JsonObject one;
        one.add("fault", std::uint64_t{fault.id}).add("what", fault_text(fault));
        one.add_time("since", fault.since_ms);
        if (fault.until_ms != 0) {
            one.add_time("until", fault.until_ms);
        }
        cli::JsonArray without;
        for (const unsigned number : missing) {
            without.add_raw(std::to_string(number));
        }
        faults.add_raw(one.add("not_on", without).text());
    }
    if (!args.json) {
        return cli::Answer{(record.faults.empty() ? "there is no fault\n" : table.text()) +
                           prediction_text(prediction) + "\n"};
    }
    cli::JsonObject out = cli::document(args.schema);
    out.add("faults", faults).add("predicted", prediction_text(prediction));
    return cli::Answer{out.text() + "\n"};
}

// --- the table -----------------------------------------------------------------------------------

constexpr OptionInfo for_option{"--for", "DUR", "stay, and take it back when this is over"};
constexpr OptionInfo check_option{"--no-check", "", "say what must happen, do not watch"};

constexpr std::array plain_options = {for_option, check_option};
constexpr std::array clear_options = {check_option};
constexpr std::array disk_options = {
    OptionInfo{"--full", "", "no space is left: every write fails (ENOSPC)"},
    for_option,
    check_option,
};
constexpr std::array contract_options = {
    OptionInfo{"--crash", "", "each run ends with a signal before it has done anything"},
    OptionInfo{"--hang", "", "each run goes on until it is killed"},
    OptionInfo{"--slow", "DUR", "each run begins so much later"},
    OptionInfo{"--differ", "", "each run leaves another state than on other nodes"},
    for_option,
    check_option,
};
constexpr std::array link_options = {
    OptionInfo{"--latency", "DUR", "messages arrive so much later"},
    OptionInfo{"--jitter", "DUR", "and up to so much more"},
    OptionInfo{"--loss", "SHARE", "of the messages, such as 5%, is lost"},
    OptionInfo{"--duplicate", "SHARE", "of the messages arrives twice"},
    OptionInfo{"--rate", "SIZE", "so many bytes a second at most, such as 1MiB"},
    OptionInfo{"--only", "LANE", "votes, inputs or bulk: these messages only"},
    OptionInfo{"--oneway", "", "from the first nodes to the second only"},
    for_option,
    check_option,
};

constexpr std::string_view report_fields =
    "ok:bool did?:text faults?:[int] validators?:int quorum?:int predicted?:text checked?:bool "
    "seen?:[text] wrong?:[text]";
constexpr std::string_view list_fields =
    "ok:bool faults?:[{fault:int what:text since:time until?:time "
    "not_on:[int]}] predicted?:text";

constexpr std::array chaos_table = {
    CommandInfo{"chaos link", "NODES [NODES]", 1, 2, Scope::online,
                "Make links slow or lossy: among nodes, or between the first and the second",
                "hpdev chaos link 1-2 --latency 120ms --loss 5%",
                "hpdev chaos link 1 2-4 --rate 256KiB --oneway --for 20s", link_options,
                report_fields, run_fault},
    CommandInfo{"chaos partition", "NODES / NODES...", 1, cli::any_number, Scope::online,
                "Part the cluster: nothing passes between the sides",
                "hpdev chaos partition 1,2 / 3,4", "hpdev chaos partition 4 --for 10s",
                plain_options, report_fields, run_fault},
    CommandInfo{"chaos heal", "", 0, 0, Scope::online, "End all faults of links and partitions",
                "hpdev chaos heal", "hpdev chaos heal --json | jq .seen", clear_options,
                report_fields, run_heal},
    CommandInfo{"chaos kill", "NODES", 1, 1, Scope::online, "Kill nodes without a warning",
                "hpdev chaos kill 3", "hpdev chaos kill 3 --for 5s", plain_options, report_fields,
                run_fault},
    CommandInfo{"chaos pause", "NODES", 1, 1, Scope::online, "Freeze nodes as they are",
                "hpdev chaos pause 2 --for 8s", "hpdev chaos pause 2,3", plain_options,
                report_fields, run_fault},
    CommandInfo{"chaos disk", "NODES", 1, 1, Scope::online, "Let nodes run out of disk space",
                "hpdev chaos disk 2 --full", "hpdev chaos disk 2 --full --for 10s", disk_options,
                report_fields, run_fault},
    CommandInfo{"chaos contract", "NODES", 1, 1, Scope::online,
                "Make the contract crash, hang, be slow or differ on these nodes",
                "hpdev chaos contract 2 --differ",
                "hpdev chaos contract all --slow 900ms --for 20s", contract_options, report_fields,
                run_fault},
    CommandInfo{"chaos list",
                "",
                0,
                0,
                Scope::online,
                "Show what is in force, and what it means",
                "hpdev chaos list",
                "hpdev chaos list --json | jq -r '.faults[].what'",
                {},
                list_fields,
                run_list},
    CommandInfo{"chaos clear", "[FAULT...]", 0, cli::any_number, Scope::online,
                "End faults, all or these: nodes that they took away run again",
                "hpdev chaos clear", "hpdev chaos clear 2", clear_options, report_fields,
                run_clear},
};

} // namespace

cli::Commands chaos_commands() {
    return chaos_table;
}

} // namespace hp::dev
