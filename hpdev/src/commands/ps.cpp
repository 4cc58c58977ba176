// SPDX-License-Identifier: Apache-2.0
// ps (status): what every node of a cluster is doing now.
#include "commands.hpp"

#include "cli/options.hpp"
#include "clock.hpp"
#include "cluster/node_view.hpp"
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

// What the views mean; nothing when all is well.
std::optional<cli::Failure> judge(const Cluster& cluster, const std::vector<NodeView>& views,
                                  const std::vector<unsigned>& diverged) {
    if (!cluster.is_running()) {
        return cli::Failure{ErrorId::cluster_down,
                            "the cluster \"" + cluster.name + "\" is not running", "hpdev up -d"};
    }
    if (!diverged.empty()) {
        std::string names;
        for (const unsigned number : diverged) {
            names += (names.empty() ? "n" : ", n") + std::to_string(number);
        }
        return cli::Failure{ErrorId::states_differ,
                            names + " hold different states after the same ledger", "hpdev diff"};
    }
    const auto synced =
        static_cast<std::size_t>(std::ranges::count(views, true, &NodeView::synced));
    if (synced != views.size()) {
        return cli::Failure{ErrorId::not_synced,
                            std::to_string(synced) + " of " + std::to_string(views.size()) +
                                " nodes are synced",
                            "hpdev logs"};
    }
    return std::nullopt;
}

cli::Outcome look(const Args& args) {
    HP_DEV_TRY(const Cluster cluster, find_cluster(args));
    std::vector<NodeView> views = view_nodes(cluster);
    const std::vector<unsigned> diverged = find_divergence(cluster, views);
    cli::JsonObject members;
    add_view(members, cluster, views);
    const std::string text = view_table(views) + view_summary(cluster, views);
    auto problem = judge(cluster, views, diverged);
    if (!problem) {
        return cli::Answer{args.json ? cli::document(args.schema).add_all(members).text() + "\n"
                                     : text};
    }
    problem->members = std::move(members);
    problem->answer = text;
    return tl::unexpected(*std::move(problem));
}

// One table, or one line of JSON, after the other. Whatever they say: it is watched.
cli::Outcome watch(const Args& args, std::int64_t interval_ms) {
    EndSignals signals;
    for (;;) {
        const auto seen = look(args);
        std::string text;
        if (seen) {
            text = seen->text;
        } else if (args.json) {
            text = cli::to_json(seen.error(), args.schema);
        } else {
            text = seen.error().answer + seen.error().message + "\n";
        }
        if (auto written = cli::write_answer(text + (args.json ? "" : "\n")); !written) {
            return tl::unexpected(std::move(written.error()));
        }
        const std::int64_t next_ms = now_mono_ms() + interval_ms;
        while (now_mono_ms() < next_ms) {
            if (signals.count() > 0) {
                return tl::unexpected(cli::silent(signals.exit_code()));
            }
            sleep_ms(
                std::min<std::int64_t>(50, std::max<std::int64_t>(1, next_ms - now_mono_ms())));
        }
    }
}

cli::Outcome run_ps(const Args& args) {
    std::int64_t interval_ms = 1000;
    HP_DEV_TRY_STATUS(cli::OptionReader(args).duration("interval", interval_ms).done(true));
    return args.options.has("watch") ? watch(args, interval_ms) : look(args);
}

constexpr std::array ps_options = {
    OptionInfo{"--watch", "", "again and again, until Ctrl-C"},
    OptionInfo{"--interval", "DUR", "between looks of --watch (default 1s)"},
};

constexpr std::array ps_table = {
    CommandInfo{"ps", "", 0, 0, Scope::online,
                "Show every node: process, ledger, state, peers; exit 7 or 8 unless all is well",
                "hpdev ps", "hpdev ps --json | jq '.nodes[] | select(.synced | not)'", ps_options,
                view_fields, run_ps},
    CommandInfo{"status", "", 0, 0, Scope::online, "The same as ps (hpdevkit's word)",
                "hpdev status", "hpdev status --watch", ps_options, view_fields, run_ps},
};

} // namespace

cli::Commands ps_commands() {
    return ps_table;
}

} // namespace hp::dev
