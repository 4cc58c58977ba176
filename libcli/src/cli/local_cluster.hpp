// SPDX-License-Identifier: Apache-2.0
// The clusters that hpdev runs on this machine, as clients find them: .hp/clusters/NAME of the
// current folder or one above it, .hp/current being the one that is meant by default. Whoever runs
// a cluster writes its cluster.json; here it is only read, and not believed further than its
// owner. Blocking file work.
#pragma once

#include "cli/errors.hpp"
#include "hp/base/ids.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hp::cli {

struct LocalNode {
    std::uint64_t number = 0; // from 1
    std::string name;
    std::string url;
    std::string role;  // "validator", "observer"
    std::string state; // "running", "stopped", "paused", "failed"
    std::optional<PublicKey> key;
};

struct LocalCluster {
    std::string name;
    std::filesystem::path file;
    std::string contract_id;
    std::optional<unsigned> threshold; // percent
    std::vector<LocalNode> nodes;      // by number
    bool is_running = false;           // its supervisor is there and at least one node runs
};

// The nearest one from `from` upwards: the named one, or the current one; absent when there is
// none. A file that is there and cannot be understood is an error. So is one of another user
// (unless that is root): it would decide which servers are talked to.
tl::expected<std::optional<LocalCluster>, Failure>
find_cluster(const std::filesystem::path& from, const std::optional<std::string>& name);

// The same, where there has to be one.
tl::expected<LocalCluster, Failure> require_cluster(const std::filesystem::path& from,
                                                    const std::optional<std::string>& name);

// "1", "1,3", "2-4", "all", "unl" (the validators), "observers", "last" (the highest number), and
// the nodes' own names, separated by commas; each node once, in the order given.
tl::expected<std::vector<LocalNode>, Failure> select_nodes(const LocalCluster& cluster,
                                                           std::string_view set);

} // namespace hp::cli
