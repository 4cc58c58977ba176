// SPDX-License-Identifier: Apache-2.0
// post_exec.sh: a script that a contract leaves in its state to be executed when its run is over
// (contract-protocol.md section 9), under the contract's own user, environment and limits. What it
// does to the files is part of the run. A blocking function, for the thread of the run.
#pragma once

#include <cstdint>
#include <span>

#include "contract/channels.hpp"
#include "contract/launcher.hpp"
#include "contract/run.hpp"
#include "contract/stop_source.hpp"

namespace hp::contract {

inline constexpr const char* post_exec_name = "post_exec.sh";

// After a successful consensus run of `spec`, once its processes are gone. `log_run` is the run's
// number in its log. RunEnd::stopped and RunEnd::failed in the result concern the whole run: it has
// to be undone and repeated.
PostExecResult run_post_exec(Launcher& launcher, const RunSpec& spec, std::uint64_t log_run,
                             const StopSource& stop, std::span<std::uint8_t> buffer, Notes& notes);

} // namespace hp::contract
