// SPDX-License-Identifier: Apache-2.0
// Every command: its words, arguments, options, one line about it, two examples, the fields of its
// JSON document, and the function that runs it. Feeds the parser, help, man page, completion and
// schemas, so none of them can know a command that another does not. Constants.
#pragma once

#include "args.hpp"

#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hp::cli {

struct OptionInfo {
    std::string_view names; // "-n,--count"
    std::string_view value; // empty: a flag; "N..." may be given several times
    std::string_view text;

    bool repeats() const { return value.ends_with("..."); }
    // "count"
    std::string_view name() const { return names.substr(names.rfind("--") + 2); }
};

enum class Scope : std::uint8_t {
    offline,   // the connection options have no meaning
    online,    // talks to a node
    settings,  // offline, but about connection options
    on_demand, // online, but does not need a server for everything
};

inline constexpr std::size_t any_number = std::numeric_limits<std::size_t>::max();

struct CommandInfo {
    std::string_view words;     // "key new"
    std::string_view arguments; // for the usage line
    std::size_t arguments_min;
    std::size_t arguments_max;
    Scope scope;
    std::string_view summary;
    std::string_view example;
    std::string_view example_more;
    std::span<const OptionInfo> options;
    std::string_view fields; // of the JSON answer, in the notation of schema.hpp; empty: no JSON
    Outcome (*run)(const Args&);
};

const std::vector<CommandInfo>& command_table();

// Null when there is none of these words.
const CommandInfo* find_command(std::string_view words);

// "hp.cli.key.new/1"
std::string schema_of(std::string_view words);

} // namespace hp::cli
