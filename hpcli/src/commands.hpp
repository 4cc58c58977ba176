// SPDX-License-Identifier: Apache-2.0
// The commands. Each does its work and gives back the whole answer, except watch, which writes
// events as they come.
#pragma once

#include "args.hpp"

namespace hp::cli {

Outcome run_version(const Args& args);
Outcome run_key_new(const Args& args);
Outcome run_key_show(const Args& args);
Outcome run_key_list(const Args& args);
Outcome run_send(const Args& args);
Outcome run_read(const Args& args);
Outcome run_status(const Args& args);
Outcome run_lcl(const Args& args);
Outcome run_ledger_get(const Args& args);
Outcome run_watch(const Args& args);

} // namespace hp::cli
