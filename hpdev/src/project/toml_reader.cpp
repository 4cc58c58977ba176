// SPDX-License-Identifier: Apache-2.0
#include "project/toml_reader.hpp"

#include "cli/values.hpp"

namespace hp::dev {
namespace {

std::string place_of(const toml::source_region& where) {
    return "line " + std::to_string(where.begin.line) + ", column " +
           std::to_string(where.begin.column);
}

} // namespace

void TomlProblems::add(const toml::source_region& where, std::string what) {
    std::string place = place_of(where);
    // Several problems of one table: scripts get an object of them, so each needs its own name.
    std::string name = place;
    for (std::size_t i = 2;
         std::ranges::any_of(found_, [&name](const auto& other) { return other.first == name; });
         ++i) {
        name = place + " (" + std::to_string(i) + ")";
    }
    found_.emplace_back(std::move(name), std::move(what));
}

cli::Failure TomlProblems::failure() const {
    cli::Failure out{cli::ErrorId::bad_file,
                     file_ + " has " +
                         (found_.size() == 1 ? std::string("a mistake")
                                             : std::to_string(found_.size()) + " mistakes")};
    out.detail = found_;
    return out;
}

const toml::node* TomlReader::find(std::string_view key) {
    asked_.emplace(key);
    return table_->get(key);
}

const toml::node* TomlReader::any(std::string_view key) {
    return find(key);
}

void TomlReader::problem(const toml::node& at, std::string what) {
    problems_->add(at.source(), std::move(what));
}

void TomlReader::problem(std::string what) {
    problem(*table_, std::move(what));
}

void TomlReader::wrong(const toml::node& at, std::string_view key, std::string_view want) {
    problem(at, "\"" + std::string(key) + "\" must be " + std::string(want));
}

bool TomlReader::text(std::string_view key, std::string& to) {
    const toml::node* found = find(key);
    if (found == nullptr) {
        return false;
    }
    const auto value = found->value_exact<std::string>();
    if (!value) {
        wrong(*found, key, "a text");
        return true;
    }
    to = *value;
    return true;
}

bool TomlReader::texts(std::string_view key, std::vector<std::string>& to) {
    const toml::node* found = find(key);
    if (found == nullptr) {
        return false;
    }
    to.clear();
    if (const auto one = found->value_exact<std::string>()) {
        to.push_back(*one);
        return true;
    }
    const toml::array* list = found->as_array();
    if (list == nullptr) {
        wrong(*found, key, "a text or a list of texts");
        return true;
    }
    for (const toml::node& item : *list) {
        if (const auto value = item.value_exact<std::string>()) {
            to.push_back(*value);
        } else {
            wrong(item, key, "a text or a list of texts");
        }
    }
    return true;
}

bool TomlReader::flag(std::string_view key, bool& to) {
    const toml::node* found = find(key);
    if (found == nullptr) {
        return false;
    }
    if (const auto value = found->value_exact<bool>()) {
        to = *value;
    } else {
        wrong(*found, key, "true or false");
    }
    return true;
}

bool TomlReader::number(std::string_view key, std::int64_t min, std::int64_t max,
                        std::int64_t& to) {
    const toml::node* found = find(key);
    if (found == nullptr) {
        return false;
    }
    const auto value = found->value_exact<std::int64_t>();
    if (!value || *value < min || *value > max) {
        wrong(*found, key, "a number from " + std::to_string(min) + " to " + std::to_string(max));
        return true;
    }
    to = *value;
    return true;
}

bool TomlReader::duration_ms(std::string_view key, std::int64_t& to) {
    const toml::node* found = find(key);
    if (found == nullptr) {
        return false;
    }
    const auto text = found->value_exact<std::string>();
    const auto value = text ? cli::parse_duration_ms(*text) : std::nullopt;
    if (!value) {
        wrong(*found, key, "a duration such as \"500ms\", \"5s\", \"2m\"");
        return true;
    }
    to = *value;
    return true;
}

bool TomlReader::one_of(std::string_view key, const std::vector<std::string>& words,
                        std::string& to) {
    const toml::node* found = find(key);
    if (found == nullptr) {
        return false;
    }
    const auto text = found->value_exact<std::string>();
    if (text && std::ranges::find(words, *text) != words.end()) {
        to = *text;
        return true;
    }
    std::string want;
    for (const std::string& word : words) {
        want += (want.empty() ? "" : ", ") + word;
    }
    wrong(*found, key, "one of " + want + (text ? did_you_mean(*text, words) : ""));
    return true;
}

void TomlReader::require(std::string_view key) {
    if (find(key) == nullptr) {
        problem(name_ + " needs \"" + std::string(key) + "\"");
    }
}

std::optional<TomlReader> TomlReader::table(std::string_view key) {
    const toml::node* found = find(key);
    if (found == nullptr) {
        return std::nullopt;
    }
    if (const toml::table* inner = found->as_table()) {
        return TomlReader(*inner, "[" + std::string(key) + "]", *problems_);
    }
    wrong(*found, key, "a table: [" + std::string(key) + "]");
    return std::nullopt;
}

std::vector<TomlReader> TomlReader::tables(std::string_view key) {
    std::vector<TomlReader> out;
    const toml::node* found = find(key);
    if (found == nullptr) {
        return out;
    }
    const toml::array* list = found->as_array();
    if (list == nullptr) {
        wrong(*found, key, "a list of tables");
        return out;
    }
    for (const toml::node& item : *list) {
        if (const toml::table* inner = item.as_table()) {
            out.emplace_back(*inner, "[[" + std::string(key) + "]]", *problems_);
        } else {
            wrong(item, key, "a list of tables");
        }
    }
    return out;
}

void TomlReader::finish() {
    const std::vector<std::string> known(asked_.begin(), asked_.end());
    for (const auto& [key, value] : *table_) {
        if (asked_.contains(key.str())) {
            continue;
        }
        problems_->add(key.source(), "unknown key \"" + std::string(key.str()) + "\" in " + name_ +
                                         did_you_mean(key.str(), known));
    }
}

std::string probably_meant(std::string_view given, const std::vector<std::string>& known) {
    std::string best;
    std::size_t best_distance = std::max<std::size_t>(2, given.size() / 3) + 1;
    for (const std::string& word : known) {
        const std::size_t distance = cli::edit_distance(given, word);
        if (distance < best_distance) {
            best = word;
            best_distance = distance;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view given, const std::vector<std::string>& known) {
    const std::string meant = probably_meant(given, known);
    return meant.empty() ? "" : "; did you mean \"" + meant + "\"?";
}

cli::Parsed<toml::table> parse_toml(std::string_view text, const std::string& file) {
    try {
        return toml::parse(text);
    } catch (const toml::parse_error& error) {
        TomlProblems problems(file);
        problems.add(error.source(), std::string(error.description()));
        return tl::unexpected(problems.failure());
    }
}

} // namespace hp::dev
