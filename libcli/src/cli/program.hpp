// SPDX-License-Identifier: Apache-2.0
// A command-line program as data: every command with its words, arguments, options, one line about
// it, two examples, the fields of its JSON document, and the function that runs it. Feeds the
// parser, help, man page, completion and schemas, so none of them can know a command that another
// does not. Constants.
#pragma once

#include "cli/args.hpp"

#include <array>
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

// Of every command of every program.
inline constexpr std::array global_options = {
    OptionInfo{"-h,--help", "", "help in short"},
    OptionInfo{"--help-all", "", "help with every option"},
    OptionInfo{"-V,--version", "", "print the version"},
    OptionInfo{"-o,--output", "table|json|tsv|raw",
               "shape of the answer; raw: values without heading (default: as the command likes)"},
    OptionInfo{"--json", "", "the same as -o json; errors are JSON on stdout, too"},
    OptionInfo{"--fields", "A,B.C", "only these fields of the JSON answer, in every shape"},
    OptionInfo{"-q,--quiet", "", "no notes on stderr, errors only"},
    OptionInfo{"-v,--verbose", "", "connection log on stderr"},
    OptionInfo{"-y,--yes", "", "do not ask before removing something"},
    OptionInfo{"--no-input", "", "never ask anything; fail instead"},
    OptionInfo{"--no-progress", "", "do not show how far long work is"},
    OptionInfo{"--color", "auto|always|never", "colours on stderr (default auto)"},
    OptionInfo{"-C,--directory", "DIR", "work in that folder"},
    OptionInfo{"--config", "FILE", "instead of ~/.config/hotpocket/config.toml"},
};

enum class Scope : std::uint8_t {
    offline,   // the shared options have no meaning
    online,    // needs what they describe: a node, a cluster
    settings,  // offline, but about shared options
    on_demand, // online, but not for everything
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

using Commands = std::span<const CommandInfo>;

// What a shell offers for a value: `words` are fixed ones, `ask` is a pipeline that prints them.
struct Completion {
    std::string_view of; // an option's value as the help names it ("KEY"), or a command's words
    std::string_view words;
    std::string_view ask;
};

struct Program {
    std::string_view name;          // "hpcli"
    std::string_view summary;       // "client of HotPocket contract clusters"
    std::string_view schema_prefix; // "hp.cli."
    std::string_view example;
    std::string_view example_more;
    std::span<const CommandInfo> commands;

    // Options of every command that is not offline.
    std::string_view shared_title;
    std::string_view shared_hint; // the most used ones, for short help
    std::span<const OptionInfo> shared_options;
    // Checks them and puts them into Args.
    tl::expected<void, Failure> (*take_shared)(const OptionValues&, Args&);

    std::span<const Completion> completions;
    std::string_view manual_end; // ENVIRONMENT and FILES, in man(7) markup

    // Null when there is none of these words.
    const CommandInfo* find(std::string_view words) const;
    // "hp.cli.key.new/1"
    std::string schema_of(std::string_view words) const;
};

// Understands the command line, runs one command, shows its answer or its error. Gives back the
// exit code.
int run_program(const Program& program, int argc, const char* const* argv);

} // namespace hp::cli
