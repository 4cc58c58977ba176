// SPDX-License-Identifier: Apache-2.0
// Where clusters are: <project>/.hp/clusters/<name>, with .hp/current as the one that is meant when
// none is named. Without a project (no hpdev.toml here or above) the current folder takes its
// place. Blocking file work; any thread.
#pragma once

#include "cli/args.hpp"
#include "cluster/cluster_file.hpp"

#include <string>
#include <vector>

namespace hp::dev {

struct Place {
    fs::path root;           // of the project, or the folder that was meant
    bool is_project = false; // there is an hpdev.toml

    fs::path home() const { return root / ".hp"; }
    fs::path clusters() const { return home() / "clusters"; }
    fs::path current() const { return home() / "current"; }
    fs::path cluster(const std::string& name) const { return clusters() / name; }
    fs::path bundle() const { return home() / "bundle"; } // what `hpdev build` leaves
};

// By -C/--directory or the current folder.
Expected<Place> find_place(const cli::Args& args);

// 1 to 32 of a-z, 0-9, - and _, beginning with a letter or digit.
bool is_cluster_name(std::string_view name);

// --cluster, or the current one's, or "default".
Expected<std::string> cluster_name(const cli::Args& args, const Place& place);

Expected<std::vector<std::string>> list_clusters(const Place& place); // sorted

// .hp with what keeps it out of version control and of backups.
Done make_home(const Place& place);
Done make_current(const Place& place, const std::string& name);

// The cluster that is meant, running or not: ErrorId::no_cluster when there is none.
Expected<Cluster> find_cluster(const cli::Args& args);
// Also ErrorId::cluster_down when it is not running.
Expected<Cluster> find_running(const cli::Args& args);

// "1", "1,3", "2-4", "n2", "all", "unl", "observers", "last": ascending. ErrorId::no_node.
Expected<std::vector<unsigned>> parse_nodes(const Cluster& cluster, std::string_view text);

} // namespace hp::dev
