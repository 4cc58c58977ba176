// SPDX-License-Identifier: Apache-2.0
#include "cli/values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace hp::cli {

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (text.empty() || error != std::errc() || stop != end) {
        return std::nullopt;
    }
    return value;
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
    const auto value = parse_number(text);
    return value && *value > 0 ? value : std::nullopt;
}

std::optional<std::string> parse_text(std::string_view text) {
    return text.empty() ? std::nullopt : std::optional(std::string(text));
}

std::optional<std::int64_t> parse_duration_ms(std::string_view text) {
    struct Unit {
        std::string_view name;
        std::uint64_t ms;
    };
    // "ms" before "m" and "s": the longest fitting suffix counts.
    static constexpr std::array units = {Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000},
                                         Unit{"h", 3'600'000}};
    constexpr auto ms_max =
        static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() / 1'000'000);
    for (const Unit& unit : units) {
        if (!text.ends_with(unit.name)) {
            continue;
        }
        const auto count = parse_number(text.substr(0, text.size() - unit.name.size()));
        if (!count || *count == 0 || *count > ms_max / unit.ms) {
            return std::nullopt;
        }
        return static_cast<std::int64_t>(*count * unit.ms);
    }
    return std::nullopt;
}

std::optional<std::int64_t> parse_timeout_ms(std::string_view text) {
    return text == "0" ? std::optional<std::int64_t>(0) : parse_duration_ms(text);
}

std::optional<Expiry> parse_expiry(std::string_view text) {
    if (text.empty() || (text.front() != '+' && text.front() != '@')) {
        return std::nullopt;
    }
    const auto value = parse_number(text.substr(1));
    const bool absolute = text.front() == '@';
    constexpr LedgerSeq offset_max = 1'000'000'000; // adding it to any ledger cannot wrap
    if (!value || (!absolute && (*value == 0 || *value > offset_max))) {
        return std::nullopt;
    }
    return Expiry{absolute, *value};
}

std::optional<LedgerRange> parse_ledger_range(std::string_view text) {
    if (text == "lcl") {
        return LedgerRange{};
    }
    const std::size_t dots = text.find("..");
    if (dots == std::string_view::npos) {
        const auto seq = parse_number(text);
        return seq ? std::optional(LedgerRange{seq, seq, std::nullopt}) : std::nullopt;
    }
    const std::string_view from = text.substr(0, dots);
    const std::string_view to = text.substr(dots + 2);
    if (from.starts_with('-')) {
        const auto tail = parse_count(from.substr(1));
        return tail && to.empty() ? std::optional(LedgerRange{std::nullopt, std::nullopt, tail})
                                  : std::nullopt;
    }
    LedgerRange out{1, std::nullopt, std::nullopt};
    if (!from.empty() && !(out.first = parse_number(from))) {
        return std::nullopt;
    }
    if (!to.empty() && !(out.last = parse_number(to))) {
        return std::nullopt;
    }
    const bool backwards = out.last && *out.last < *out.first;
    return (from.empty() && to.empty()) || backwards ? std::nullopt : std::optional(out);
}

std::optional<std::vector<std::uint8_t>> parse_base64(std::string_view text) {
    static constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::vector<std::uint8_t> out;
    std::uint32_t group = 0;
    std::size_t have = 0;
    std::size_t padding = 0;
    for (const char c : text) {
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
            continue;
        }
        const std::size_t value = alphabet.find(c);
        padding += c == '=' ? 1U : 0U;
        if (c != '=' && (value == std::string_view::npos || padding > 0)) {
            return std::nullopt;
        }
        group = (group << 6U) | (c == '=' ? 0U : static_cast<std::uint32_t>(value));
        if (++have % 4 == 0) {
            for (const unsigned shift : {16U, 8U, 0U}) {
                out.push_back(static_cast<std::uint8_t>(group >> shift));
            }
            group = 0;
        }
    }
    if (have % 4 != 0 || padding > 2) {
        return std::nullopt;
    }
    out.resize(out.size() - padding);
    return out;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j < row.size(); ++j) {
        row[j] = j;
    }
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t changed = diagonal + (a[i] == b[j] ? 0U : 1U);
            diagonal = row[j + 1];
            row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

std::optional<double> parse_share(std::string_view text) {
    double value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    // Written so that "nan" fails as well.
    if (error != std::errc() || stop != end || !(value > 0.0 && value <= 1.0)) {
        return std::nullopt;
    }
    return value;
}

std::vector<std::string> split_list(std::string_view text) {
    static constexpr std::string_view separators = ", \t\n";
    std::vector<std::string> out;
    while (true) {
        const std::size_t start = text.find_first_not_of(separators);
        if (start == std::string_view::npos) {
            return out;
        }
        text.remove_prefix(start);
        const std::size_t end = std::min(text.find_first_of(separators), text.size());
        out.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
    }
}

} // namespace hp::cli
