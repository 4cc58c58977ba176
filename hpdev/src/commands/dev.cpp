// SPDX-License-Identifier: Apache-2.0
// dev: from a project to its running cluster in one command: build, check, start, deploy, and then
// again whatever is saved.
#include "cli/dev_keys.hpp"
#include "cli/options.hpp"
#include "clock.hpp"
#include "cluster/node_view.hpp"
#include "commands.hpp"
#include "commands/bring_up.hpp"
#include "commands/notes.hpp"
#include "contract/scratch.hpp"
#include "dev/dev_session.hpp"
#include "project/project.hpp"

#include <array>
#include <poll.h>

namespace hp::dev {
namespace {

using cli::Args;
using cli::CommandInfo;
using cli::ErrorId;
using cli::OptionInfo;
using cli::Scope;

constexpr std::int64_t stop_timeout_ms = 5000;
constexpr int look_ms = 50;

struct DevWish {
    DevOptions session;
    ClusterWanted cluster;
    bool watch = true;
    bool stay = true;
};

constexpr std::array logs_words = {
    std::pair{"contract", LogsShown::contract},
    std::pair{"all", LogsShown::all},
    std::pair{"warn", LogsShown::warn},
    std::pair{"none", LogsShown::none},
};

Expected<LogsShown> read_logs(const Args& args) {
    const std::string given = args.options.text("logs").value_or("contract");
    for (const auto& [word, value] : logs_words) {
        if (given == word) {
            return value;
        }
    }
    return cli::bad_value("--logs", given, "contract, all, warn or none");
}

Expected<DevWish> read_wish(const Args& args, const Place& place, const Project& project) {
    DevWish out;
    HP_DEV_TRY(out.cluster, read_wanted(args, place));
    out.cluster.how.detached = false;
    out.cluster.tell_phases = false;
    out.session.cluster = out.cluster.name;
    out.session.root = project.root;
    HP_DEV_TRY(out.session.logs, read_logs(args));
    out.session.check = !args.options.has("no-check");
    out.session.strict = args.options.has("strict");
    out.stay = !args.options.has("once");
    out.watch = out.stay && !args.options.has("no-watch");
    if (out.session.strict && !out.session.check) {
        return cli::failure(ErrorId::usage, "--strict and --no-check exclude each other");
    }
    return out;
}

// One of the steps before there is a cluster. A signal ends it.
Expected<JobResult> run_step(const std::vector<std::string>& words, const fs::path& scratch,
                             EndSignals& signals) {
    HP_DEV_TRY(Job job, Job::start(words, scratch));
    for (;;) {
        pollfd ready{job.descriptor(), POLLIN, 0};
        ::poll(&ready, 1, look_ms);
        if (signals.count() > 0) {
            return tl::unexpected(cli::silent(signals.exit_code()));
        }
        if (auto result = job.proceed()) {
            return *std::move(result);
        }
    }
}

Done check(const DevOptions& options, const DevReport& report, EndSignals& signals) {
    const std::int64_t begun_ms = now_mono_ms();
    HP_DEV_TRY(const JobResult checked, run_step(check_step(options), options.scratch, signals));
    if (!checked.is_ok() && options.strict) {
        return tl::unexpected(checked.failure());
    }
    return report.show(check_event(checked, now_mono_ms() - begun_ms));
}

// A check that stops nothing is made when the cluster runs: nobody has to wait for it.
Done build_and_check(const DevOptions& options, const DevReport& report, EndSignals& signals) {
    const std::int64_t begun_ms = now_mono_ms();
    HP_DEV_TRY(const JobResult built, run_step(build_step(options), options.scratch, signals));
    if (!built.is_ok()) {
        return tl::unexpected(built.failure());
    }
    HP_DEV_TRY_STATUS(report.show(build_event(built, now_mono_ms() - begun_ms)));
    return options.strict ? check(options, report, signals) : Done();
}

// "a, b, c" of any number
template <class Range>
std::string joined(const Range& texts) {
    std::string out;
    for (const auto& text : texts) {
        out += (out.empty() ? "" : " ") + std::string(text);
    }
    return out;
}

Done show_nodes(const DevReport& report, const Cluster& cluster, std::int64_t took_ms) {
    const std::vector<NodeView> views = view_nodes(cluster);
    const std::size_t validators = cluster.validators();
    const std::size_t tolerated = validators - quorum_of(validators, cluster.threshold);
    DevEvent nodes{"nodes", std::to_string(views.size()) + "/" + std::to_string(views.size()),
                   took_ms, tolerance_text(validators, cluster.threshold)};
    nodes.members.add("nodes", std::uint64_t{views.size()});
    nodes.members.add("tolerates", std::uint64_t{tolerated});
    HP_DEV_TRY_STATUS(report.show(nodes));
    LedgerSeq ledger = 0;
    std::string state;
    std::vector<std::string> urls;
    cli::JsonArray url_list;
    for (const NodeView& view : views) {
        if (view.ledger > ledger) {
            ledger = view.ledger;
            state = view.state_hash;
        }
        url_list.add(view.node.url());
        urls.push_back(view.node.url());
    }
    DevEvent closed{"ledger " + std::to_string(ledger), "closed", took_ms,
                    "state " + state.substr(0, 8)};
    closed.kind = "ledger";
    closed.members.add("ledger", ledger).add("state_hash", state);
    HP_DEV_TRY_STATUS(report.show(closed));
    DevEvent users{"users", "", -1, joined(urls)};
    users.members.add("urls", url_list);
    return report.show(users);
}

Done show_places(const DevReport& report, const Cluster& cluster) {
    cli::JsonArray names;
    for (const std::string_view name : cli::dev_key_names) {
        names.add(name);
    }
    DevEvent keys{"keys", "", -1, joined(cli::dev_key_names) + "   (hpcli -k alice send ...)"};
    keys.members.add("keys", names);
    HP_DEV_TRY_STATUS(report.show(keys));
    if (!cluster.dashboard) {
        return {};
    }
    DevEvent dashboard{"dashboard", "", -1, *cluster.dashboard};
    dashboard.members.add("url", *cluster.dashboard);
    return report.show(dashboard);
}

Done deploy_what_is_new(const DevOptions& options, const DevReport& report, EndSignals& signals) {
    const std::int64_t begun_ms = now_mono_ms();
    HP_DEV_TRY(const JobResult result, run_step(deploy_step(options), options.scratch, signals));
    return report.show(deploy_event(result, now_mono_ms() - begun_ms));
}

// The cluster runs; whatever comes of this, its end is the caller's business.
cli::Outcome work(const Args& args, const DevWish& wish, const DevReport& report,
                  const Cluster& cluster, bool is_new, std::int64_t took_ms, EndSignals& signals,
                  std::optional<SourceWatch> watch, bool with_keys) {
    HP_DEV_TRY_STATUS(show_nodes(report, cluster, took_ms));
    if (!is_new) { // it has the bundle of last time
        HP_DEV_TRY_STATUS(deploy_what_is_new(wish.session, report, signals));
    }
    HP_DEV_TRY_STATUS(show_places(report, cluster));
    if (!wish.stay) {
        if (wish.session.check && !wish.session.strict) {
            HP_DEV_TRY_STATUS(check(wish.session, report, signals));
        }
        return cli::Answer{};
    }
    if (with_keys) {
        note(args, "logs follow; q quits, r redeploys, ? helps");
    }
    DevSession session(wish.session, report, cluster, signals, std::move(watch), with_keys);
    return session.run();
}

cli::Outcome take_down(const DevReport& report, const fs::path& dir, cli::Outcome out) {
    const auto cluster = load_cluster(dir);
    if (!cluster) {
        return out;
    }
    HP_DEV_TRY(const Ended ended, end_cluster(*cluster, stop_timeout_ms));
    std::string left;
    for (const std::string& what : ended.left) {
        left += (left.empty() ? "" : ", ") + what;
    }
    if (!left.empty()) {
        return cli::failure(ErrorId::failed, "left behind: " + left, "hpdev down");
    }
    if (out) {
        HP_DEV_TRY_STATUS(
            report.show({"end", "", -1, "stopped, nothing is left; the ledger goes on next time"}));
    }
    return out;
}

cli::Outcome run_dev(const Args& args) {
    HP_DEV_TRY(const Project project, load_project(args));
    HP_DEV_TRY(const Place place, find_place(args));
    HP_DEV_TRY(DevWish wish, read_wish(args, place, project));
    const fs::path dir = place.cluster(wish.session.cluster);
    const auto before = load_cluster(dir);
    if (before && before->is_running()) {
        return cli::failure(ErrorId::cluster_exists,
                            "the cluster \"" + before->name + "\" is running already",
                            "hpdev down first, or hpdev deploy, or dev --cluster other");
    }
    HP_DEV_TRY(const Scratch scratch, Scratch::make());
    wish.session.scratch = scratch.path();
    EndSignals signals;
    wish.cluster.is_interrupted = [&signals] { return signals.count() > 0; };
    std::optional<SourceWatch> watch;
    if (wish.watch) {
        HP_DEV_TRY(watch, SourceWatch::open(project.root, project.build.output));
    }
    const DevReport report(args);
    HP_DEV_TRY_STATUS(build_and_check(wish.session, report, signals));
    const std::int64_t begun_ms = now_mono_ms();
    const auto cluster = bring_up(args, place, wish.cluster);
    if (!cluster) {
        return take_down(report, dir, tl::unexpected(cluster.error()));
    }
    const bool with_keys = wish.stay && !args.json && RawKeys::are_possible();
    auto out = work(args, wish, report, *cluster, !before || wish.cluster.start_over,
                    now_mono_ms() - begun_ms, signals, std::move(watch), with_keys);
    return take_down(report, dir, std::move(out));
}

constexpr std::array dev_options = {
    OptionInfo{"-n,--nodes", "N", "validators of a new cluster (default: as hpdev.toml says)"},
    OptionInfo{"--roundtime", "DUR", "of a new cluster's rounds (default: as hpdev.toml says)"},
    OptionInfo{"--threshold", "PERCENT", "of validators that must agree (as hpdev.toml says)"},
    OptionInfo{"--user-port", "PORT", "first port for users (default 8081 or the next free one)"},
    OptionInfo{"--peer-port", "PORT", "first port among nodes (default 22861 or the next)"},
    OptionInfo{"--fresh", "", "throw the cluster's ledger and state away and start over"},
    OptionInfo{"--ready-timeout", "DUR", "how long the first ledger may take (default 30s)"},
    OptionInfo{"--bin", "PATH", "the hpnode to run (default: $HP_HPNODE, beside hpdev, $PATH)"},
    OptionInfo{"--no-dashboard", "", "without the web page (hpdev open)"},
    OptionInfo{"--no-watch", "", "do not build and deploy again what is saved"},
    OptionInfo{"--no-check", "", "do not look whether the nodes would agree"},
    OptionInfo{"--strict", "", "deploy nothing about which nodes would disagree"},
    OptionInfo{"--logs", "WHAT", "contract (default: its output, and warnings), all, warn, none"},
    OptionInfo{"--once", "", "end as soon as everything runs, to see whether it does"},
};

constexpr std::array dev_table = {
    CommandInfo{"dev", "", 0, 0, Scope::online,
                "Build, check, start a cluster, and deploy whatever is saved, until Ctrl-C",
                "hpdev dev", "hpdev dev --once --json | jq -r .event", dev_options, dev_fields,
                run_dev},
};

} // namespace

cli::Commands dev_commands() {
    return dev_table;
}

} // namespace hp::dev
