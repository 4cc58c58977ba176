// SPDX-License-Identifier: Apache-2.0
// The commands, by the file that defines them. Each does its work and gives back the whole answer,
// except those that stream, which write as they go.
#pragma once

#include "cli/program.hpp"

namespace hp::cli {

const Program& hpcli_program();

Commands send_commands();
Commands read_commands();
Commands watch_commands();
Commands status_commands();
Commands wait_commands();
Commands ledger_commands();
Commands ledger_range_commands();
Commands proof_commands();
Commands script_commands();
Commands shell_commands();
Commands bench_commands();
Commands key_commands();
Commands context_commands();
Commands trust_commands();
Commands ping_commands();
Commands doctor_commands();
Commands decode_commands();
Commands encode_commands();
Commands raw_commands();
Commands cheat_commands();
Commands manual_commands();

} // namespace hp::cli
