// SPDX-License-Identifier: Apache-2.0
// Points in time as people and JSON consumers read them: RFC 3339, UTC, milliseconds. Pure.
#pragma once

#include "hp/base/time.hpp"

#include <string>

namespace hp::client {

// For example 2026-02-03T04:05:06.789Z. Any value, also nonsense from a server, gives text.
std::string rfc3339(TimeMs wall_ms);

} // namespace hp::client
