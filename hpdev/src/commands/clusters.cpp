// SPDX-License-Identifier: Apache-2.0
// cluster ...: the clusters of a project, side by side. Also open: where the dashboard is.
#include "commands.hpp"

#include "cli/confirm.hpp"
#include "cli/json_writer.hpp"
#include "cli/text_table.hpp"
#include "cluster/places.hpp"
#include "cluster/run_program.hpp"
#include "commands/notes.hpp"

#include <array>
#include <cstdlib>

namespace hp::dev {
namespace {

using cli::Args;
using cli::CommandInfo;
using cli::ErrorId;
using cli::OptionInfo;
using cli::Scope;

constexpr std::int64_t rm_timeout_ms = 5000;

cli::JsonObject cluster_json(const Cluster& cluster, bool current) {
    cli::JsonObject out;
    out.add("cluster", cluster.name).add("running", cluster.is_running()).add("current", current);
    out.add("validators", cluster.validators());
    out.add("observers", cluster.nodes.size() - cluster.validators());
    return out.add("directory", cluster.dir.string());
}

cli::Outcome run_list(const Args& args) {
    HP_DEV_TRY(const Place place, find_place(args));
    HP_DEV_TRY(const std::vector<std::string> names, list_clusters(place));
    HP_DEV_TRY(const std::string current, cluster_name(args, place));
    cli::TextTable text({"", "CLUSTER", "STATE", "NODES", "USERS-FROM"});
    cli::JsonArray items;
    for (const std::string& name : names) {
        const auto cluster = load_cluster(place.cluster(name));
        if (!cluster) {
            text.add({"", name, "damaged", "-", "-"});
            continue;
        }
        items.add_raw(cluster_json(*cluster, name == current).text());
        text.add({name == current ? "*" : " ", name, cluster->is_running() ? "running" : "stopped",
                  std::to_string(cluster->nodes.size()),
                  cluster->nodes.empty() ? "-" : cluster->nodes.front().url()});
    }
    return cli::Answer{args.json ? cli::document(args.schema).add("clusters", items).text() + "\n"
                                 : text.text()};
}

// The named one, with the arguments' name taken for --cluster.
Expected<Cluster> named(const Args& args, const Place& place) {
    const std::string& name = args.arguments.front();
    if (!is_cluster_name(name)) {
        return cli::failure(ErrorId::usage, "\"" + name + "\" is no name of a cluster");
    }
    auto out = load_cluster(place.cluster(name));
    if (!out && out.error().id == ErrorId::no_cluster) {
        out.error().hint = "hpdev cluster list";
    }
    return out;
}

cli::Outcome show(const Args& args, const Cluster& cluster, bool current) {
    if (args.json) {
        cli::JsonObject out = cli::document(args.schema);
        return cli::Answer{out.add("about", cluster_json(cluster, current)).text() + "\n"};
    }
    std::string out = cluster.name + (cluster.is_running() ? "  running" : "  stopped") +
                      (current ? ", current" : "") + "\nfolder    " + cluster.dir.string() +
                      "\ncontract  " + cluster.contract_id + "\nbundle    " +
                      cluster.bundle.string() + "\nhpnode    " + cluster.program.string() + "\n" +
                      tolerance_text(cluster.validators(), cluster.threshold) + "\n";
    for (const ClusterNode& node : cluster.nodes) {
        out += node.name() + "  " + node.url() + "  " + node.public_key.hex() + "\n";
    }
    return cli::Answer{out};
}

cli::Outcome run_use(const Args& args) {
    HP_DEV_TRY(const Place place, find_place(args));
    HP_DEV_TRY(const Cluster cluster, named(args, place));
    HP_DEV_TRY_STATUS(make_current(place, cluster.name));
    return show(args, cluster, true);
}

cli::Outcome run_show(const Args& args) {
    HP_DEV_TRY(const Place place, find_place(args));
    HP_DEV_TRY(const std::string current, cluster_name(args, place));
    HP_DEV_TRY(const Cluster cluster,
               args.arguments.empty() ? find_cluster(args) : named(args, place));
    return show(args, cluster, cluster.name == current);
}

cli::Outcome run_rm(const Args& args) {
    HP_DEV_TRY(const Place place, find_place(args));
    HP_DEV_TRY(const Cluster cluster, named(args, place));
    HP_DEV_TRY_STATUS(
        cli::confirm(args, "remove the cluster \"" + cluster.name + "\" with its ledger"));
    HP_DEV_TRY(const Ended ended, end_cluster(cluster, rm_timeout_ms));
    if (!ended.left.empty()) {
        return cli::failure(ErrorId::failed, "not removed: " + ended.left.front() + " is left");
    }
    HP_DEV_TRY_STATUS(remove_cluster(cluster));
    note(args, "removed " + cluster.dir.string());
    return cli::Answer{args.json
                           ? cli::document(args.schema).add("removed", cluster.name).text() + "\n"
                           : std::string()};
}

// A browser of the user's desktop; without a desktop there is nothing to open it with.
bool open_browser(const std::string& url) {
    const auto is_set = [](const char* name) {
        const char* value = std::getenv(name);
        return value != nullptr && *value != '\0';
    };
    std::vector<std::string> words = {"xdg-open"};
    if (is_set("BROWSER")) {
        words = {std::getenv("BROWSER")};
    } else if (!is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY")) {
        return false;
    }
    words.push_back(url);
    return start_apart(words);
}

cli::Outcome run_open(const Args& args) {
    HP_DEV_TRY(const Cluster cluster, find_running(args));
    if (!cluster.dashboard) {
        return cli::failure(cli::ErrorId::cluster_down,
                            "the cluster \"" + cluster.name + "\" has no dashboard",
                            "it was started with --no-dashboard, or supervisor.log says why");
    }
    const bool opened = !args.options.has("print") && open_browser(*cluster.dashboard);
    if (!opened && !args.options.has("print")) {
        note(args, "there is no browser that could be opened here ($BROWSER, xdg-open)");
    }
    if (args.json) {
        cli::JsonObject out = cli::document(args.schema);
        return cli::Answer{out.add("url", *cluster.dashboard).add("opened", opened).text() + "\n"};
    }
    return cli::Answer{*cluster.dashboard + "\n"};
}

constexpr std::string_view about_fields =
    "{cluster:text running:bool current:bool validators:int observers:int directory:text}";
const std::string list_fields = "ok:bool clusters?:[" + std::string(about_fields) + "]";
const std::string show_fields = "ok:bool about?:" + std::string(about_fields);

constexpr std::array open_options = {
    OptionInfo{"--print", "", "print the address only, open no browser"},
};

const std::array clusters_table = {
    CommandInfo{"cluster list",
                "",
                0,
                0,
                Scope::online,
                "List the project's clusters",
                "hpdev cluster list",
                "hpdev cluster list --json | jq -r '.clusters[].cluster'",
                {},
                list_fields,
                run_list},
    CommandInfo{"cluster use",
                "NAME",
                1,
                1,
                Scope::online,
                "Make a cluster the current one",
                "hpdev cluster use big",
                "hpdev cluster use default",
                {},
                show_fields,
                run_use},
    CommandInfo{"cluster show",
                "[NAME]",
                0,
                1,
                Scope::online,
                "Show what a cluster consists of",
                "hpdev cluster show",
                "hpdev cluster show big --json",
                {},
                show_fields,
                run_show},
    CommandInfo{"cluster rm",
                "NAME",
                1,
                1,
                Scope::online,
                "Stop and remove a cluster",
                "hpdev cluster rm big",
                "hpdev cluster rm big --yes",
                {},
                "ok:bool removed?:text",
                run_rm},
    CommandInfo{"open", "", 0, 0, Scope::online,
                "Open the cluster's dashboard and print its address", "hpdev open --print",
                "BROWSER=firefox hpdev open", open_options, "ok:bool url?:text opened?:bool",
                run_open},
};

} // namespace

cli::Commands cluster_commands() {
    return clusters_table;
}

} // namespace hp::dev
