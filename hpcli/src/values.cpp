// SPDX-License-Identifier: Apache-2.0
#include "values.hpp"

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
