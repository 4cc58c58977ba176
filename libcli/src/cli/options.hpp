// SPDX-License-Identifier: Apache-2.0
// Reading a command's own options: strings to values, with messages that name the option and what
// it takes. Pure.
#pragma once

#include "cli/args.hpp"

#include <optional>
#include <string>
#include <utility>

namespace hp::cli {

template <class T>
using Parsed = tl::expected<T, Failure>;

inline tl::unexpected<Failure> bad_value(std::string_view option, const std::string& value,
                                         std::string_view want) {
    return failure(ErrorId::usage,
                   std::string(option) + " \"" + value + "\": expected " + std::string(want));
}

// Reads options one after another and remembers the first that is wrong.
class OptionReader {
public:
    explicit OptionReader(const Args& args) : args_(args) {}

    // Sets `to` when the option is there. `parse` gives an optional.
    template <class T, class Parse>
    OptionReader& take(std::string_view name, std::string_view want, Parse parse, T& to) {
        const auto text = args_.options.text(name);
        if (!text || problem_) {
            return *this;
        }
        if (auto value = parse(*text)) {
            to = *std::move(value);
        } else {
            problem_ = bad_value("--" + std::string(name), *text, want).value();
        }
        return *this;
    }
    template <class T>
    OptionReader& number(std::string_view name, T& to) {
        return take(name, "a number", parse_number, to);
    }
    template <class T>
    OptionReader& count(std::string_view name, T& to) {
        return take(name, "a number above 0", parse_count, to);
    }
    template <class T>
    OptionReader& duration(std::string_view name, T& to) {
        return take(name, "a duration such as 500ms, 5s, 2m", parse_duration_ms, to);
    }
    template <class T>
    OptionReader& text(std::string_view name, T& to) {
        return take(name, "a text that is not empty", parse_text, to);
    }

    bool flag(std::string_view name) const { return args_.options.has(name); }

    // The first problem, or `value`.
    template <class T>
    Parsed<T> done(T value) {
        return problem_ ? Parsed<T>(tl::unexpected(std::move(*problem_)))
                        : Parsed<T>(std::move(value));
    }

private:
    const Args& args_;
    std::optional<Failure> problem_;
};

} // namespace hp::cli
