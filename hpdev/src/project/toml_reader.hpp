// SPDX-License-Identifier: Apache-2.0
// Reading our TOML files strictly: every mistake with its place, unknown keys with the one that was
// probably meant, and all of them at once. A reader is for one table; it remembers which keys were
// asked for, so what is left when it ends is unknown. Values; one thread.
#pragma once

#include "cli/options.hpp"

#include <filesystem>
#include <set>
#include <toml++/toml.h> // with its defaults: all of hpdev must compile it the same way

namespace hp::dev {

// What is wrong with one file.
class TomlProblems {
public:
    explicit TomlProblems(std::string file) : file_(std::move(file)) {}

    void add(const toml::source_region& where, std::string what);
    bool empty() const { return found_.empty(); }
    cli::Failure failure() const;

private:
    std::string file_; // for messages
    std::vector<std::pair<std::string, std::string>> found_;
};

class TomlReader {
public:
    // `table` and `problems` must outlive this; `name` is for messages: "[build]".
    TomlReader(const toml::table& table, std::string name, TomlProblems& problems)
        : table_(&table), name_(std::move(name)), problems_(&problems) {}

    // Each sets `to` when the key is there and right. True when it is there.
    bool text(std::string_view key, std::string& to);
    bool texts(std::string_view key, std::vector<std::string>& to); // a list, or one text
    bool flag(std::string_view key, bool& to);
    bool number(std::string_view key, std::int64_t min, std::int64_t max, std::int64_t& to);
    bool duration_ms(std::string_view key, std::int64_t& to); // "500ms", as on the command line
    bool one_of(std::string_view key, const std::vector<std::string>& words, std::string& to);
    void require(std::string_view key);

    // The value as it is, for what the functions above cannot say; null when it is not there.
    const toml::node* any(std::string_view key);
    std::optional<TomlReader> table(std::string_view key);
    // A list of tables: [[key]].
    std::vector<TomlReader> tables(std::string_view key);

    void problem(const toml::node& at, std::string what);
    void problem(std::string what); // about the table as a whole
    // Complains about keys that nobody asked for.
    void finish();

private:
    const toml::node* find(std::string_view key);
    void wrong(const toml::node& at, std::string_view key, std::string_view want);

    const toml::table* table_;
    std::string name_;
    TomlProblems* problems_;
    std::set<std::string, std::less<>> asked_;
};

// The word among `known` that `given` was probably meant to be; empty when there is none.
std::string probably_meant(std::string_view given, const std::vector<std::string>& known);
// "; did you mean \"x\"?" or nothing.
std::string did_you_mean(std::string_view given, const std::vector<std::string>& known);

cli::Parsed<toml::table> parse_toml(std::string_view text, const std::string& file);

} // namespace hp::dev
