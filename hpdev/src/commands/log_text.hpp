// SPDX-License-Identifier: Apache-2.0
// Log records as lines. Pure.
#pragma once

#include "cluster/log_records.hpp"

namespace hp::dev {

// Bytes that could steer a terminal become "?".
std::string printable_log(std::string_view text);

// "n2│ 04:05:06.789 inf consensus  text", every line of the text with the prefix.
std::string log_line(const LogRecord& record, bool prefix);

} // namespace hp::dev
