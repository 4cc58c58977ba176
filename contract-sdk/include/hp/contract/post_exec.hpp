// SPDX-License-Identifier: Apache-2.0
//
// The script that a node runs after a consensus run, in the state directory and as part of the same
// round (contract protocol section 9). It is how a contract replaces its own program or installs
// things. Exit code 0: the node deletes the script, the deletion being part of the state; 3 to 125:
// it stays and runs again after each round; all others and signals: the outputs of the round are
// lost and the script runs again next time. So let it end with success unless repeating is meant.
//
// Arguments: one, "<ledger number> <ledger hash>". The environment and the time are limited as for
// the contract; no channel is open.
//
// Threads: one thread at a time.
#pragma once

#include <hp/contract/context.hpp>
#include <hp/contract/result.hpp>

#include <string_view>

namespace hp::contract {

/// The name nodes look for in the state directory.
inline constexpr std::string_view post_exec_name = "post_exec.sh";

/// Writes post_exec.sh with mode 0755 in one step, replacing one that is there. `script` must begin
/// with "#!": the node starts it without a shell. Errors: errc::operation_not_permitted in
/// read-only mode, errc::invalid_argument without "#!", those of replace_file().
Status write_post_exec(const Context& context, std::string_view script);

} // namespace hp::contract
