// SPDX-License-Identifier: Apache-2.0
// A bundle on disk: the contract's files as they shall lie in the state, and beside them
// hp.cfg.override (merged into every node's hp.cfg) and disparate/<n> (files of node n alone).
// Blocking file work; any thread.
#pragma once

#include "bundle_names.hpp"
#include "cluster/expected.hpp"
#include "hp/base/ids.hpp"

#include <string>
#include <vector>

namespace hp::dev {

// ErrorId::bad_bundle unless it is a folder of files, folders and links with something in it, and
// it is clear which program to run.
Done check_bundle(const fs::path& bundle);

// The object in hp.cfg.override; an empty one without the file.
Expected<Json> read_override(const fs::path& bundle);

// A cluster keeps what it runs, apart from what the user may change at any time: <copy>/files for
// the state, and the two others beside it. The copy's hp.cfg.override always says which program to
// run: when the bundle does not, and holds one program only, it is that one.
Done copy_bundle(const fs::path& bundle, const fs::path& copy);
inline fs::path state_files(const fs::path& copy) {
    return copy / "files";
}

// Copies everything in one folder into another.
Done copy_tree(const fs::path& from, const fs::path& to);
// From a copy into a node's contract_fs/seed: the state, and what is this node's alone.
Done seed_node(const fs::path& copy, unsigned node, const fs::path& seed);
Done seed_own_files(const fs::path& copy, unsigned node, const fs::path& seed);

struct FileChange {
    std::string path;
    std::string change; // new, changed, removed
};
// Of what becomes part of the state, between two copies.
Expected<std::vector<FileChange>> compare_copies(const fs::path& before, const fs::path& after);

} // namespace hp::dev
