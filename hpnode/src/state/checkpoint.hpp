// SPDX-License-Identifier: Apache-2.0
// The checkpoint file: base/ holds everything up to run `seq` safely, without any delta. It says
// which deltas are left-overs of an interrupted clean-up (a part of them must never be replayed)
// and which hash base/ must have, so that damage is found at start-up.
// Values; one owner thread.
#pragma once

#include "state/file_ops.hpp"
#include "state/store.hpp"

namespace hp::state {

struct Checkpoint {
    LedgerSeq seq = 0;
    Roots roots;
};

inline constexpr const char* checkpoint_name = "checkpoint";

// `dir` is contract_fs/.
Result<Checkpoint> load_checkpoint(int dir, const std::string& name = checkpoint_name);
Status save_checkpoint(const FileOps& ops, int dir, const Checkpoint& checkpoint,
                       const std::string& name = checkpoint_name);

} // namespace hp::state
