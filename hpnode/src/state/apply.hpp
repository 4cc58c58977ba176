// SPDX-License-Identifier: Apache-2.0
// Applies deltas to base/. Applying is repeatable: whatever part of a delta (or of later ones) a
// crash left in base/, applying all kept deltas again in order gives the committed state, because
// every change carries the whole new content of what it touches and replaces whatever is there.
// So nothing is synced here; that is what a checkpoint does.
// One owner thread, no readers inside base/.
#pragma once

#include <set>
#include <string>

#include "state/delta.hpp"
#include "state/file_ops.hpp"

namespace hp::state {

// What was written to base/ since it was last synced. Beyond a few entries the whole filesystem is
// synced instead, as each fsync costs a disk flush.
class Unsynced {
public:
    void add(const std::string& path);
    Status sync(const FileOps& ops, int base_dir);

private:
    std::set<std::string> paths_;
    bool too_many_ = false;
};

Status apply_delta(const FileOps& ops, int base_dir, const Delta& delta, Unsynced& unsynced);

} // namespace hp::state
