// SPDX-License-Identifier: Apache-2.0
// The committed states of nodes, running or not, as `hpnode state` reads them, and where two of
// them differ. Blocking; any thread.
#pragma once

#include "cluster/cluster_file.hpp"

#include <map>
#include <optional>
#include <string>

namespace hp::dev {

struct StateEntry {
    std::string type; // dir, file, exec, link
    std::string hash;
    std::uint64_t size = 0;
};

struct StateTree {
    LedgerSeq seq = 0;                         // after whose run this state was committed
    std::string root;                          // hash
    std::map<std::string, StateEntry> entries; // by path, without the state folder itself
};

Expected<StateTree> read_state_tree(const Cluster& cluster, const ClusterNode& node,
                                    std::optional<LedgerSeq> seq);
// ErrorId::no_state_file.
Expected<std::string> read_state_file(const Cluster& cluster, const ClusterNode& node,
                                      const std::string& path, std::optional<LedgerSeq> seq);

struct StateDifference {
    std::string path;
    std::string what; // differs, only_first, only_second
};
// By path; folders that differ only by what is in them are left out.
std::vector<StateDifference> compare_trees(const StateTree& first, const StateTree& second);

struct ContentDifference {
    std::uint64_t offset = 0;
    std::string json_path;     // "$.rows[7].id" when both are JSON
    std::string first, second; // what is there, shortened, printable
};
ContentDifference compare_contents(const std::string& first, const std::string& second);

} // namespace hp::dev
