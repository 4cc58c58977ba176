// SPDX-License-Identifier: Apache-2.0
// A bundle on disk: the contract's files as they shall lie in the state, and beside them
// hp.cfg.override (merged into every node's hp.cfg) and disparate/<n> (files of node n alone).
// Blocking file work; any thread.
#pragma once

#include "cluster/expected.hpp"
#include "hp/base/ids.hpp"

#include <map>
#include <string>
#include <vector>

namespace hp::dev {

inline constexpr std::string_view override_name = "hp.cfg.override";
inline constexpr std::string_view disparate_name = "disparate";

// ErrorId::bad_bundle unless it is a folder of files, folders and links with something in it.
Done check_bundle(const fs::path& bundle);

// The object in hp.cfg.override; an empty one without the file.
Expected<Json> read_override(const fs::path& bundle);

// With bin_path and bin_args when nobody says which program to run, but only one can be meant.
Expected<Json> complete_override(const fs::path& bundle);

// Objects member by member, everything else replaced.
void merge_json(Json& into, const Json& from);

// Everything, override and disparate too.
Done copy_tree(const fs::path& from, const fs::path& to);
// Into a node's contract_fs/seed: the state, and what is this node's alone.
Done seed_node(const fs::path& bundle, unsigned node, const fs::path& seed);

struct FileChange {
    std::string path;
    std::string change; // new, changed, removed
};
// Of what becomes part of the state.
Expected<std::vector<FileChange>> compare_bundles(const fs::path& before, const fs::path& after);

} // namespace hp::dev
