// SPDX-License-Identifier: Apache-2.0
// The connection options: command line over context over environment over default.
#pragma once

#include "args.hpp"

#include <optional>
#include <string>
#include <vector>

namespace hp::cli {

// As the option parser collected them, nothing checked yet. Present but empty is an error, not the
// default.
struct RawConnection {
    bool verify_tls = false;
    std::vector<std::string> servers, trusted_keys;
    std::optional<std::string> context, key, passphrase_file, protocol, contract_id;
    std::optional<std::string> contract_version, connect_timeout, timeout, ca_file, quorum, pin;
};

tl::expected<ConnectionArgs, Failure> check_connection(RawConnection raw, bool needs_server);

} // namespace hp::cli
