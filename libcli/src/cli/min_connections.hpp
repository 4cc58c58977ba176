// SPDX-License-Identifier: Apache-2.0
// --min-connections: a command begins only when so many of its servers can be connected to. All are
// tried at once, each up to a proven handshake, with a throw-away key: neither the user's session
// nor an agent is troubled. What happens later is failover's. One thread.
#pragma once

#include "cli/args.hpp"

namespace hp::cli {

// An error that names how many there are. Does nothing unless the option asks for more than one.
tl::expected<void, Failure> require_connections(const Args& args);

// The same, but looks again until `patience_ms` have passed (0: for ever).
tl::expected<void, Failure> await_connections(const Args& args, std::int64_t patience_ms);

} // namespace hp::cli
