// SPDX-License-Identifier: Apache-2.0
// Reads one object of a configuration file field by field, strictly, and keeps going: wrong types,
// ranges and missing fields are written down with their path, so that the operator sees all of
// them at once. A field that is not good leaves its target alone. One owner.
#pragma once

#include <algorithm>
#include <concepts>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json_value.hpp"

namespace hp::config {

// What is wrong with a document so far. Both lists are bounded; see limits.hpp.
class Findings {
public:
    void problem(std::string path, std::string what);
    void unknown(std::string path, std::string what);
    bool is_full() const; // of unknown members

    std::vector<Problem> take_problems() { return std::move(problems_); }
    std::vector<Problem> take_unknown() { return std::move(unknown_); }

private:
    std::vector<Problem> problems_;
    std::vector<Problem> unknown_;
};

enum class Presence : bool { optional, mandatory };

// Integers above this are not exact in JavaScript, where contracts read and rewrite patch.cfg.
inline constexpr std::uint64_t exact_integer_max = (std::uint64_t{1} << 53) - 1;

class Section {
public:
    // A null `value` is an object that is not there and has been reported: nothing is read.
    Section(const JsonValue* value, std::string path, Findings* findings);

    Section object(std::string_view name, Presence presence = Presence::mandatory);

    // Pointers into the document, null when there is nothing (right) to read.
    const std::string* text(std::string_view name, Presence presence = Presence::mandatory);
    const std::vector<JsonValue>* array(std::string_view name);
    const std::vector<JsonMember>* members(std::string_view name);

    void flag(std::string_view name, bool& out, Presence presence = Presence::mandatory);

    template <std::unsigned_integral Int>
    void number(std::string_view name, Int& out, std::uint64_t min = 0,
                std::uint64_t max = std::numeric_limits<Int>::max(),
                Presence presence = Presence::mandatory) {
        std::uint64_t value = 0;
        if (integer(name, value, min, std::min(max, exact_integer_max), presence)) {
            out = static_cast<Int>(value); // in range by the check above: max fits Int
        }
    }

    template <class Enum>
    struct Choice {
        std::string_view name;
        Enum value;
    };
    template <class Enum>
    void choice(std::string_view name, Enum& out, std::initializer_list<Choice<Enum>> choices,
                Presence presence = Presence::mandatory) {
        const std::string* written = text(name, presence);
        if (written == nullptr) {
            return;
        }
        std::string allowed;
        for (const Choice<Enum>& candidate : choices) {
            if (candidate.name == *written) {
                out = candidate.value;
                return;
            }
            allowed += (allowed.empty() ? "\"" : ", \"") + std::string(candidate.name) + '"';
        }
        complain(name, "must be one of " + allowed + ", is " + in_quotes(*written));
    }

    void complain(std::string_view name, std::string what);
    std::string path(std::string_view name) const { return member_path(path_, name); }
    Findings& findings() { return *findings_; }

    // After the last read: reports missing fields and members that nobody asked for.
    void finish();

private:
    const JsonValue* take(std::string_view name, JsonValue::Kind kind, Presence presence);
    bool integer(std::string_view name, std::uint64_t& out, std::uint64_t min, std::uint64_t max,
                 Presence presence);
    bool is_known(std::string_view name) const;
    std::string_view nearest_known(std::string_view name) const;
    std::string_view nearest_unknown(std::string_view name) const;

    const JsonValue* value_;
    std::string path_;
    Findings* findings_;
    std::vector<std::string_view> known_; // string literals of the decoder
    std::vector<std::string_view> missing_;
};

// "a string", "an object", ... for messages.
std::string_view kind_name(JsonValue::Kind kind);

} // namespace hp::config
