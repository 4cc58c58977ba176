// SPDX-License-Identifier: Apache-2.0
// Between the option parser and the checked Args: plain strings and flags. Private to args*.cpp.
#pragma once

#include "args.hpp"
#include "command_table.hpp"

#include <optional>
#include <string>
#include <vector>

namespace hp::cli {

// What the option parser collected, nothing checked yet.
struct RawArgs {
    bool help = false, help_all = false, version = false;
    bool json = false, quiet = false, verbose = false;
    bool verify_tls = false;
    bool text = false, require_output = false, inputs = false, outputs = false;
    std::vector<std::string> servers, trusted_keys, arguments;
    // Present but empty is an error, not the default: "$UNSET" must not switch off a check.
    std::optional<std::string> key, protocol, contract_id, contract_version;
    std::optional<std::string> connect_timeout, timeout, ca_file, quorum;
    std::optional<std::string> wait, expires, nonce, count;
};

// Everything of Args that `info` has. The environment gives what options leave open.
tl::expected<Args, Failure> check_args(const RawArgs& raw, const CommandInfo& info);

} // namespace hp::cli
