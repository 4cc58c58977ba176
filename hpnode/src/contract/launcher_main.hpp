// SPDX-License-Identifier: Apache-2.0
// The helper process of a Launcher: single-threaded, small, forks one supervisor per run and is
// the second line behind them: what a killed supervisor leaves alive becomes the helper's child
// and is killed here.
#pragma once

#include <vector>

namespace hp::contract {

// In the fresh child of the node: takes the process over. Descriptors other than these and
// stdin, stdout, stderr are closed.
[[noreturn]] void run_helper(int channel, const std::vector<int>& keep_open);

} // namespace hp::contract
