// SPDX-License-Identifier: Apache-2.0
// The small value languages of the command line: durations, numbers, expiries. Strict: what is
// not understood completely is refused. Pure.
#pragma once

#include "hp/base/ids.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hp::cli {

// Digits only, within range.
std::optional<std::uint64_t> parse_number(std::string_view text);

// 250ms, 5s, 2m, 1h. Zero is refused: no option has a use for it.
std::optional<std::int64_t> parse_duration_ms(std::string_view text);

// +N ledgers from now or @SEQ.
struct Expiry {
    bool absolute = false;
    LedgerSeq value = 0;
};
std::optional<Expiry> parse_expiry(std::string_view text);

// A share above 0 and up to 1.
std::optional<double> parse_share(std::string_view text);

// Separated by commas or white space, as in $HP_SERVERS.
std::vector<std::string> split_list(std::string_view text);

} // namespace hp::cli
