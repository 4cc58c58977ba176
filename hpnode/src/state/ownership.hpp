// SPDX-License-Identifier: Apache-2.0
// Gives a tree of files to the user that the contract runs as, so that it may change what an
// operator, or an earlier user of the contract, put there. Only root may do this, and the tree may
// have been made by a contract: files with links elsewhere, devices and whatever is mounted below
// stay with their owners, or they could be taken over this way.
// One owner thread, no contract process alive.
#pragma once

#include <string>

#include "hp/base/result.hpp"
#include "state/file_ops.hpp"

namespace hp::state {

struct OwnershipStats {
    std::uint64_t given = 0; // entries that had another owner
    std::uint64_t left = 0;  // entries that keep theirs
    std::string first_left;  // name of one of them, for the log
};

Status give_tree(int dir, const std::string& name, Owner owner, OwnershipStats& stats);

} // namespace hp::state
