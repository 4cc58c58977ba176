// SPDX-License-Identifier: Apache-2.0
// down, and hpdevkit's clean: ends clusters and proves that nothing of them is left.
#include "commands.hpp"

#include "cli/confirm.hpp"
#include "cli/json_writer.hpp"
#include "cli/options.hpp"
#include "commands/notes.hpp"

#include <array>

namespace hp::dev {
namespace {

using cli::Args;
using cli::CommandInfo;
using cli::ErrorId;
using cli::OptionInfo;
using cli::Scope;

struct Down {
    std::string name;
    Ended ended;
    bool removed = false;
};

Expected<std::vector<Cluster>> clusters_meant(const Args& args) {
    HP_DEV_TRY(const Place place, find_place(args));
    std::vector<std::string> names;
    if (args.options.has("all")) {
        HP_DEV_TRY(names, list_clusters(place));
    } else {
        HP_DEV_TRY(const std::string name, cluster_name(args, place));
        names = {name};
    }
    std::vector<Cluster> out;
    for (const std::string& name : names) {
        auto cluster = load_cluster(place.cluster(name));
        if (cluster) {
            out.push_back(*std::move(cluster));
        } else if (cluster.error().id != ErrorId::no_cluster || args.shared.has("cluster")) {
            return tl::unexpected(std::move(cluster.error()));
        }
    }
    return out;
}

cli::Outcome answer(const Args& args, const std::vector<Down>& done) {
    std::string text;
    cli::JsonArray clusters;
    std::string left;
    for (const Down& down : done) {
        cli::JsonObject item;
        item.add("cluster", down.name).add("was_running", down.ended.was_running);
        item.add("removed", down.removed);
        cli::JsonArray rest;
        for (const std::string& what : down.ended.left) {
            rest.add(what);
            left += (left.empty() ? "" : ", ") + what;
        }
        clusters.add_raw(item.add("left", rest).text());
        text += down.name + (down.ended.was_running ? ": stopped" : ": was not running") +
                (down.removed ? ", removed" : "") +
                (down.ended.left.empty() ? "; no process, port or mount is left\n" : "\n");
    }
    if (!left.empty()) {
        cli::Failure out{ErrorId::failed, "left behind: " + left, "hpdev down again"};
        out.answer = text;
        out.members.add("clusters", clusters);
        return tl::unexpected(std::move(out));
    }
    if (done.empty()) {
        text = "there is no cluster here\n";
    }
    return cli::Answer{
        args.json ? cli::document(args.schema).add("clusters", clusters).text() + "\n" : text};
}

cli::Outcome take_down(const Args& args, bool remove) {
    std::int64_t timeout_ms = 5000;
    HP_DEV_TRY_STATUS(cli::OptionReader(args).duration("timeout", timeout_ms).done(true));
    HP_DEV_TRY(const std::vector<Cluster> clusters, clusters_meant(args));
    if (remove && !clusters.empty()) {
        HP_DEV_TRY_STATUS(cli::confirm(args, "remove " + std::to_string(clusters.size()) +
                                                 " cluster(s) with their ledgers"));
    }
    std::vector<Down> done;
    for (const Cluster& cluster : clusters) {
        if (!cluster.is_running() && cluster.supervisor.pid != 0) {
            note(args, "the supervisor of \"" + cluster.name + "\", process " +
                           std::to_string(cluster.supervisor.pid) + ", ended without a word");
        }
        HP_DEV_TRY(Ended ended, end_cluster(cluster, timeout_ms));
        Down down{cluster.name, std::move(ended), false};
        if (remove && down.ended.left.empty()) {
            HP_DEV_TRY_STATUS(remove_cluster(cluster));
            down.removed = true;
        }
        done.push_back(std::move(down));
    }
    return answer(args, done);
}

cli::Outcome run_down(const Args& args) {
    return take_down(args, args.options.has("rm"));
}

cli::Outcome run_clean(const Args& args) {
    return take_down(args, true);
}

constexpr std::array down_options = {
    OptionInfo{"--all", "", "every cluster of the project"},
    OptionInfo{"--rm", "", "remove ledgers, state and keys as well"},
    OptionInfo{"--timeout", "DUR", "how long nodes may take to end by themselves (default 5s)"},
};
constexpr std::array clean_options = {
    OptionInfo{"--all", "", "every cluster of the project"},
    OptionInfo{"--timeout", "DUR", "how long nodes may take to end by themselves (default 5s)"},
};

constexpr std::string_view down_fields =
    "ok:bool clusters?:[{cluster:text was_running:bool removed:bool left:[text]}]";

constexpr std::array down_table = {
    CommandInfo{"down", "", 0, 0, Scope::online, "Stop a cluster; its ledger stays", "hpdev down",
                "hpdev down --all --rm --yes", down_options, down_fields, run_down},
    CommandInfo{"clean", "", 0, 0, Scope::online,
                "Stop a cluster and remove it (hpdevkit's word for down --rm)", "hpdev clean --yes",
                "hpdev clean --all --yes", clean_options, down_fields, run_clean},
};

} // namespace

cli::Commands down_commands() {
    return down_table;
}

} // namespace hp::dev
