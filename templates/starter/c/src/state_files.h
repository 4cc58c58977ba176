// SPDX-License-Identifier: Apache-2.0
// The state between two runs: one small file per value in the working directory, which a node keeps
// identical on the whole cluster.
#ifndef STATE_FILES_H
#define STATE_FILES_H

#include "tally.h"

/// Zero and empty before the first change. False, and a line on standard error, if that fails.
bool load_state(struct tally* state);

/// Writes the files whose value differs, each in one step: a contract that is killed in the middle
/// leaves the old value or the new one, never a mixture.
bool save_state(const struct tally* before, const struct tally* after);

#endif
