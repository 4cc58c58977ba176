// SPDX-License-Identifier: Apache-2.0
#include "json_section.hpp"

#include <algorithm>
#include <numeric>

#include "hp/base/limits.hpp"

namespace hp::config {
namespace {

constexpr std::size_t near_edits_max = 2;
// A helpful guess must not become expensive when a contract fills patch.cfg with odd names.
constexpr std::size_t guessed_names_max = 256;

// Levenshtein distance: insertions, deletions and replacements from one name to the other.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

// True when one is plausibly a misspelling of the other: at most two edits, and fewer than the
// name has letters, or every two-letter name would resemble every other.
bool is_near(std::string_view a, std::string_view b, std::size_t& distance) {
    const std::size_t shorter = std::min(a.size(), b.size());
    if (std::max(a.size(), b.size()) - shorter > near_edits_max) {
        return false; // also keeps the table above small for absurdly long names
    }
    distance = edit_distance(a, b);
    return distance <= near_edits_max && distance < shorter;
}

void add_bounded(std::vector<Problem>& list, std::string path, std::string what) {
    if (list.size() < limits::config_problems_max) {
        list.push_back({std::move(path), std::move(what)});
    } else if (list.size() == limits::config_problems_max) {
        list.push_back({"", "and more of the same"});
    }
}

} // namespace

void Findings::problem(std::string path, std::string what) {
    add_bounded(problems_, std::move(path), std::move(what));
}

void Findings::unknown(std::string path, std::string what) {
    add_bounded(unknown_, std::move(path), std::move(what));
}

bool Findings::is_full() const {
    return unknown_.size() > limits::config_problems_max;
}

std::string_view kind_name(JsonValue::Kind kind) {
    switch (kind) {
    case JsonValue::Kind::null:
        return "null";
    case JsonValue::Kind::boolean:
        return "true or false";
    case JsonValue::Kind::integer:
        return "a whole number";
    case JsonValue::Kind::other_number:
        return "a number";
    case JsonValue::Kind::string:
        return "a string";
    case JsonValue::Kind::array:
        return "an array";
    case JsonValue::Kind::object:
        return "an object";
    }
    return "something else";
}

Section::Section(const JsonValue* value, std::string path, Findings* findings)
    : value_(value), path_(std::move(path)), findings_(findings) {
    if (value_ != nullptr && value_->kind != JsonValue::Kind::object) {
        findings_->problem(path_, "must be an object, is " + std::string(kind_name(value_->kind)));
        value_ = nullptr;
    }
}

const JsonValue* Section::take(std::string_view name, JsonValue::Kind kind, Presence presence) {
    known_.push_back(name);
    if (value_ == nullptr) {
        return nullptr;
    }
    const JsonValue* found = value_->find(name);
    if (found == nullptr) {
        if (presence == Presence::mandatory) {
            missing_.push_back(name);
        }
        return nullptr;
    }
    if (found->kind != kind) {
        complain(name, "must be " + std::string(kind_name(kind)) + ", is " +
                           std::string(kind_name(found->kind)));
        return nullptr;
    }
    return found;
}

Section Section::object(std::string_view name, Presence presence) {
    return Section(take(name, JsonValue::Kind::object, presence), path(name), findings_);
}

const std::string* Section::text(std::string_view name, Presence presence) {
    const JsonValue* found = take(name, JsonValue::Kind::string, presence);
    return found == nullptr ? nullptr : &found->text;
}

const std::vector<JsonValue>* Section::array(std::string_view name) {
    const JsonValue* found = take(name, JsonValue::Kind::array, Presence::mandatory);
    return found == nullptr ? nullptr : &found->items;
}

const std::vector<JsonMember>* Section::members(std::string_view name) {
    const JsonValue* found = take(name, JsonValue::Kind::object, Presence::mandatory);
    return found == nullptr ? nullptr : &found->members;
}

void Section::flag(std::string_view name, bool& out, Presence presence) {
    if (const JsonValue* found = take(name, JsonValue::Kind::boolean, presence)) {
        out = found->boolean;
    }
}

bool Section::integer(std::string_view name, std::uint64_t& out, std::uint64_t min,
                      std::uint64_t max, Presence presence) {
    known_.push_back(name);
    const JsonValue* found = value_ == nullptr ? nullptr : value_->find(name);
    if (found == nullptr) {
        if (value_ != nullptr && presence == Presence::mandatory) {
            missing_.push_back(name);
        }
        return false;
    }
    const bool whole = found->kind == JsonValue::Kind::integer;
    if (whole && found->integer >= min && found->integer <= max) {
        out = found->integer;
        return true;
    }
    std::string is(kind_name(found->kind));
    if (whole) {
        is = std::to_string(found->integer);
    } else if (found->kind == JsonValue::Kind::other_number) {
        is = found->text.substr(0, 40);
    }
    complain(name, "must be a whole number " + std::to_string(min) + ".." + std::to_string(max) +
                       ", is " + is);
    return false;
}

void Section::complain(std::string_view name, std::string what) {
    findings_->problem(path(name), std::move(what));
}

bool Section::is_known(std::string_view name) const {
    return std::find(known_.begin(), known_.end(), name) != known_.end();
}

std::string_view Section::nearest_known(std::string_view name) const {
    std::string_view best;
    std::size_t best_distance = near_edits_max + 1;
    for (const std::string_view known : known_) {
        std::size_t distance = 0;
        if (is_near(name, known, distance) && distance < best_distance) {
            best = known;
            best_distance = distance;
        }
    }
    return best;
}

std::string_view Section::nearest_unknown(std::string_view name) const {
    std::string_view best;
    std::size_t best_distance = near_edits_max + 1;
    const std::size_t count = std::min(value_->members.size(), guessed_names_max);
    for (std::size_t i = 0; i < count; ++i) {
        const std::string_view member = value_->members[i].name;
        std::size_t distance = 0;
        if (!is_known(member) && is_near(name, member, distance) && distance < best_distance) {
            best = member;
            best_distance = distance;
        }
    }
    return best;
}

void Section::finish() {
    if (value_ == nullptr) {
        return;
    }
    for (const std::string_view name : missing_) {
        const std::string_view near = nearest_unknown(name);
        complain(name, near.empty() ? "is missing"
                                    : "is missing; is it the unknown " + in_quotes(near) + "?");
    }
    for (const JsonMember& member : value_->members) {
        if (is_known(member.name)) {
            continue;
        }
        if (findings_->is_full()) {
            return;
        }
        const std::string_view near = nearest_known(member.name);
        findings_->unknown(path(member.name),
                           near.empty() ? "is not known"
                                        : "is not known; did you mean " + in_quotes(near) + "?");
    }
}

} // namespace hp::config
