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

// The same, but not 0.
std::optional<std::uint64_t> parse_count(std::string_view text);

// Anything but nothing: "$UNSET" must not switch off a check.
std::optional<std::string> parse_text(std::string_view text);

// 250ms, 5s, 2m, 1h. Zero is refused: no option has a use for it.
std::optional<std::int64_t> parse_duration_ms(std::string_view text);

// The same, and 0 for none.
std::optional<std::int64_t> parse_timeout_ms(std::string_view text);

// +N ledgers from now or @SEQ.
struct Expiry {
    bool absolute = false;
    LedgerSeq value = 0;
};
std::optional<Expiry> parse_expiry(std::string_view text);

// Ledgers: N, A..B, A.. (to the last one), ..B (from 1), -N.. (the last N), lcl.
struct LedgerRange {
    std::optional<LedgerSeq> first; // absent: the last one
    std::optional<LedgerSeq> last;  // absent: the last one
    std::optional<LedgerSeq> tail;  // the last so many
};
std::optional<LedgerRange> parse_ledger_range(std::string_view text);

// A share above 0 and up to 1.
std::optional<double> parse_share(std::string_view text);

// Standard alphabet, padded; white space between characters is skipped.
std::optional<std::vector<std::uint8_t>> parse_base64(std::string_view text);

// How many single-character changes make one text the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

// Separated by commas or white space, as in $HP_SERVERS.
std::vector<std::string> split_list(std::string_view text);

} // namespace hp::cli
