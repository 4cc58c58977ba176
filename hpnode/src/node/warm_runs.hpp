// SPDX-License-Identifier: Apache-2.0
// The process that waits for the next consensus run (contract.warm_start). It is used only if that
// makes no difference but to the time: command, state, patch.cfg and private files are as they were
// when it was started, and it has not done anything since. Otherwise it is ended, what it did to
// the state is undone, and the run starts as ever. A contract that does things before it has read
// its document is not started ahead again.
//
// Executor's thread only.
#pragma once

#include <filesystem>
#include <optional>

#include "contract/waiting_contract.hpp"
#include "hp/base/log.hpp"
#include "state/store.hpp"

namespace hp::node {

class WarmRuns {
public:
    // The references must outlive this object.
    WarmRuns(contract::Launcher& launcher, state::Store& store,
             std::unique_ptr<contract::OpenWatch> watch, Log log);

    // The process for the run of `spec`, with its document; empty when there is none that can be
    // used. Nothing waits any more then. An error is the store's: stop the node and recover.
    Result<std::optional<contract::StartedContract>> take(const contract::RunSpec& spec);

    // Starts a process for the run after that of `spec`, which is committed, unless one waits. A
    // little later is best: what was written a moment ago cannot be told from later writes.
    void prepare(const contract::RunSpec& spec);

private:
    // Why the process must not be used.
    struct Refusal {
        std::string why;
        bool own_fault = false; // it would be the same the next time
    };
    std::optional<Refusal> examine(const contract::RunSpec& spec);
    std::optional<Refusal> compare_private_files();
    bool state_touched() const;
    Status end(Refusal refusal);

    contract::Launcher& launcher_;
    state::Store& store_;
    std::filesystem::path seed_;
    std::unique_ptr<contract::OpenWatch> watch_;
    Log log_;
    std::optional<contract::WaitingContract> waiting_;
    Hash32 state_mark_; // when it was started, as is the next
    Hash32 private_mark_;
    int private_changes_ = 0;
    std::optional<contract::SpawnRequest> barred_; // the command that is not started ahead
};

} // namespace hp::node
