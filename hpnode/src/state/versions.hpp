// SPDX-License-Identifier: Apache-2.0
// The last committed versions of the state, addressable by hash: for peers that sync and for
// `hpnode state`. A version is an index of the whole tree; its content is in base/, or in the
// reverse delta of a later run ("undo": the old chunks of what that run changed), or in the run's
// own delta as long as base/ does not have it. Undo files lie in contract_fs/versions/, named and
// built like deltas. They are not synced: losing them costs old versions, never the state.
// The owner thread changes the list; any thread takes a picture of it with list().
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "hp/base/log.hpp"
#include "state/delta.hpp"
#include "state/file_ops.hpp"
#include "state/store.hpp"
#include "state/tree.hpp"

namespace hp::state {

inline constexpr const char* versions_name = "versions";

struct Version {
    LedgerSeq seq = 0; // the run that made it
    Roots roots;
    EntryPtr state;
    EntryPtr patch;                 // null: there is none
    SharedDelta redo;               // from the version before to this one, until base/ has it
    SharedDelta undo;               // from this version to the one before; null in the oldest
    std::uint64_t memory_bytes = 0; // of the index, what the version before does not share
};

using VersionList = std::vector<Version>; // ascending, each made from the one before; never empty

class KeptVersions {
public:
    // Both thread safe. Before the store has recovered, list() is null.
    std::shared_ptr<const VersionList> list() const;
    int root_dir() const { return root_.get(); } // contract_fs/

    // Nothing but `head`, which is what base/ holds. Removes all undo files.
    Status start(const FileOps& ops, int root_dir, Version head);
    // The same, with the older versions that undo files still lead to.
    Status recover(const FileOps& ops, int root_dir, Version head, const Log& log);

    // For those who only look: `list` as it is on disk below `root`.
    void show(os::Fd root, VersionList list);

    // A run was committed: `version` without undo.
    void add(const FileOps& ops, Version version, const Log& log);
    // Before the oldest version that is not in base/ yet is applied: writes and publishes its undo.
    // Never fails: without room for it, the older versions are given up.
    void keep_undo(const FileOps& ops, int base_dir, const Log& log);
    // ... and after it was applied.
    void applied();
    // patch.cfg of the head, where the node has set it outside a run.
    void set_head_patch(const Hash32& config, EntryPtr patch);

private:
    std::size_t first_pending(const VersionList& list) const;
    void publish(VersionList list);
    void drop_before(const FileOps& ops, VersionList& list, std::size_t first, const Log& log);
    void prune(const FileOps& ops, VersionList& list, const Log& log);
    Status clear_files(const FileOps& ops) const;

    Status open(const FileOps& ops, int root_dir);

    os::Fd root_;
    os::Fd dir_; // versions/
    mutable std::mutex mutex_;
    std::shared_ptr<const VersionList> list_;
};

// The versions that undo files lead to from `head`, which base/ holds; ascending, `head` last.
Result<VersionList> read_older_versions(int versions_dir, Version head);

// What the delta makes of a tree: the index only, content stays where it is. Checks that the result
// has the hash that the delta promises.
Result<Trees> apply_to_trees(const Trees& before, const Delta& delta);

} // namespace hp::state
