// SPDX-License-Identifier: Apache-2.0
// Defines the options and runs the option parser. It only collects strings; checking them is ours
// (options.hpp and the program's take_shared), so that wording and exit codes do not depend on the
// library.
#include "cli/args.hpp"

#include "cli/help.hpp"
#include "cli/options.hpp"
#include "cli/program.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <deque>
#include <unistd.h>

namespace hp::cli {
namespace {

// What the option parser collected of the global options.
struct RawGlobal {
    bool help = false, help_all = false, version = false;
    bool json = false, quiet = false, verbose = false, yes = false;
    std::string color = "auto";
};

void add_global_options(CLI::App& app, RawGlobal& raw) {
    const auto flag = [&](const char* names, bool& to, const char* text) {
        app.add_flag(names, to, text)->group(global_group);
    };
    flag("-h,--help", raw.help, "help in short");
    flag("--help-all", raw.help_all, "help with every option");
    flag("-V,--version", raw.version, "print the version");
    flag("--json", raw.json, "answer and errors as JSON on stdout");
    flag("-q,--quiet", raw.quiet, "no notes on stderr, errors only");
    flag("-v,--verbose", raw.verbose, "connection log on stderr");
    flag("-y,--yes", raw.yes, "do not ask before removing something");
    app.add_option("--color", raw.color, "colours on stderr (default auto)")
        ->type_name("auto|always|never")
        ->group(global_group);
}

// The subcommand for `words`, made together with its parent if need be.
CLI::App* add_command(CLI::App& root, const CommandInfo& info) {
    const std::size_t space = info.words.find(' ');
    CLI::App* parent = &root;
    if (space != std::string_view::npos) {
        const std::string group(info.words.substr(0, space));
        const auto groups = root.get_subcommands(
            [&group](const CLI::App* app) { return app->get_name() == group; });
        parent = groups.empty() ? root.add_subcommand(group) : groups.front();
        parent->set_help_flag();
        parent->fallthrough();
        parent->require_subcommand(0, 1);
    }
    const auto name = space == std::string_view::npos ? info.words : info.words.substr(space + 1);
    CLI::App* app = parent->add_subcommand(std::string(name), std::string(info.summary));
    app->set_help_flag();
    app->fallthrough();
    return app;
}

// It splits list arguments such as [1,2] and takes ++ as an end mark; both are fine payloads. A
// mark in front hides them from it.
constexpr char guard_mark = '\x01';

std::string guarded(std::string text) {
    const bool special = text == "++" || text.starts_with('[');
    return special ? guard_mark + text : text;
}

std::string unguarded(std::string text) {
    if (text.starts_with(guard_mark)) {
        text.erase(0, 1);
    }
    return text;
}

std::vector<std::string> unguarded(std::vector<std::string> texts) {
    for (std::string& text : texts) {
        text = unguarded(std::move(text));
    }
    return texts;
}

struct Parser {
    struct Known {
        const CommandInfo* info;
        CLI::App* app;
        std::vector<std::pair<const OptionInfo*, CLI::Option*>> options;
    };

    const Program& program;
    CLI::App root;
    RawGlobal global;
    std::vector<std::string> arguments;
    std::vector<std::pair<const OptionInfo*, CLI::Option*>> shared;
    std::vector<Known> commands;
    std::deque<std::vector<std::string>> own_values; // for the library; read through its options

    explicit Parser(const Program& about) : program(about), root(std::string(about.name)) {
        root.set_help_flag();
        root.fallthrough();
        root.require_subcommand(0, 1);
        add_global_options(root, global);
        for (const OptionInfo& option : program.shared_options) {
            shared.emplace_back(&option, add_option(root, option, shared_group));
        }
        for (const CommandInfo& info : program.commands) {
            Known known{&info, add_command(root, info), {}};
            known.app->add_option("arguments", arguments);
            for (const OptionInfo& option : info.options) {
                known.options.emplace_back(&option, add_option(*known.app, option, own_group));
            }
            commands.push_back(std::move(known));
        }
    }

    CLI::Option* add_option(CLI::App& app, const OptionInfo& info, const char* group) {
        const std::string names(info.names);
        const std::string text(info.text);
        if (info.value.empty()) {
            return app
                .add_flag_function(
                    names, [](std::int64_t) {}, text)
                ->group(group);
        }
        CLI::Option* option = app.add_option(names, own_values.emplace_back(), text)->group(group);
        option->type_name(std::string(info.value))->expected(1)->allow_extra_args(false);
        return info.repeats() ? option->take_all() : option->take_last();
    }

    Parsed<void> run(int argc, const char* const* argv) {
        std::vector<std::string> words;
        for (int i = argc - 1; i > 0; --i) { // the library wants them reversed
            words.push_back(guarded(argv[i]));
        }
        try {
            root.parse(std::move(words));
        } catch (const CLI::Error& error) {
            std::string message = error.what();
            std::erase(message, guard_mark);
            return failure(ErrorId::usage, std::move(message), suggestion(argc, argv));
        }
        arguments = unguarded(std::move(arguments));
        return {};
    }

    // The word that was probably meant by the first one that nobody knows.
    std::string suggestion(int argc, const char* const* argv) const {
        std::vector<std::string> known;
        const auto add_options = [&known](const CLI::App& app) {
            for (const CLI::Option* option : app.get_options()) {
                for (const std::string& name : option->get_lnames()) {
                    known.push_back("--" + name);
                }
            }
        };
        add_options(root);
        for (const Known& item : commands) {
            for (const std::string& word : split_list(item.info->words)) {
                known.push_back(word);
            }
            add_options(*item.app);
        }
        for (int i = 1; i < argc; ++i) {
            const std::string_view whole = argv[i];
            const std::string_view word = whole.substr(0, whole.find('='));
            if (std::ranges::find(known, word) != known.end()) {
                continue;
            }
            const auto distance = [word](const std::string& other) {
                return edit_distance(word, other);
            };
            const auto best = std::ranges::min_element(known, {}, distance);
            if (distance(*best) <= 2 && word.size() > 3) {
                return "did you mean \"" + *best + "\"?";
            }
            break;
        }
        return std::string(program.name) + " --help";
    }

    // The innermost command given, null when there is none.
    const Known* chosen() const {
        const auto found =
            std::ranges::find_if(commands, [](const Known& item) { return item.app->parsed(); });
        return found == commands.end() ? nullptr : &*found;
    }
};

// A colour only for a terminal that shows it, unless somebody insists.
Parsed<bool> wants_color(const std::string& option) {
    const auto is_set = [](const char* name) {
        const char* value = std::getenv(name);
        return value != nullptr && *value != '\0';
    };
    if (option == "always" || option == "never") {
        return option == "always";
    }
    if (option != "auto") {
        return bad_value("--color", option, "auto, always or never");
    }
    const char* term = std::getenv("TERM");
    const bool dumb = term == nullptr || std::string_view(term) == "dumb";
    if (is_set("NO_COLOR")) {
        return false;
    }
    return is_set("CLICOLOR_FORCE") || (!dumb && ::isatty(STDERR_FILENO) == 1);
}

Parsed<void> check_argument_count(const Program& program, const CommandInfo& info,
                                  std::size_t given) {
    if (given >= info.arguments_min && given <= info.arguments_max) {
        return {};
    }
    const std::string words(info.words);
    return failure(ErrorId::usage,
                   given < info.arguments_min ? words + ": argument missing"
                                              : words + ": too many arguments",
                   std::string(program.name) + " " + words + " --help");
}

OptionValues given_values(const std::vector<std::pair<const OptionInfo*, CLI::Option*>>& options) {
    OptionValues out;
    for (const auto& [option, parsed] : options) {
        if (parsed->count() > 0) {
            out.add(std::string(option->name()), option->value.empty()
                                                     ? std::vector<std::string>()
                                                     : unguarded(parsed->results()));
        }
    }
    return out;
}

Parsed<Args> make_args(Parser& parser, const Parser::Known& chosen) {
    const CommandInfo& info = *chosen.info;
    Args out;
    out.program = &parser.program;
    out.command = &info;
    out.schema = parser.program.schema_of(info.words);
    out.json = parser.global.json;
    out.quiet = parser.global.quiet;
    out.verbose = parser.global.verbose;
    out.yes = parser.global.yes;
    out.arguments = std::move(parser.arguments);
    out.options = given_values(chosen.options);
    out.shared = given_values(parser.shared);
    const auto color = wants_color(parser.global.color);
    if (!color) {
        return tl::unexpected(color.error());
    }
    out.color = *color;
    if (auto counted = check_argument_count(parser.program, info, out.arguments.size()); !counted) {
        return tl::unexpected(std::move(counted.error()));
    }
    if (auto taken = parser.program.take_shared(out.shared, out); !taken) {
        return tl::unexpected(std::move(taken.error()));
    }
    return out;
}

Args help(std::string text) {
    Args out;
    out.help_text = std::move(text);
    return out;
}

} // namespace

std::string note_head(const Args& args) {
    return std::string(args.program->name) + ": ";
}

Parsed<Args> parse_args(const Program& program, int argc, const char* const* argv) {
    Parser parser(program);
    if (auto done = parser.run(argc, argv); !done) {
        return tl::unexpected(std::move(done.error()));
    }
    const bool all = parser.global.help_all;
    const auto* chosen = parser.chosen();
    if (parser.global.help || all) {
        return help(chosen != nullptr
                        ? command_help(program, parser.root, *chosen->app, *chosen->info, all)
                        : root_help(program, parser.root, all));
    }
    if (parser.global.version) {
        parser.arguments.clear();
        chosen = &*std::ranges::find_if(parser.commands, [](const Parser::Known& item) {
            return item.info->words == "version";
        });
    } else if (chosen == nullptr) {
        return failure(ErrorId::usage, "no command given", std::string(program.name) + " --help");
    }
    return make_args(parser, *chosen);
}

ErrorStyle guess_error_style(const Program& program, int argc, const char* const* argv) {
    ErrorStyle out;
    out.schema = program.schema_of("error");
    out.color = wants_color("auto").value_or(false);
    std::string words;
    for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i) {
        const std::string_view argument = argv[i];
        out.json = out.json || argument == "--json";
        if (argument.starts_with('-')) {
            continue;
        }
        words += (words.empty() ? "" : " ") + std::string(argument);
        if (program.find(words) != nullptr) {
            out.schema = program.schema_of(words);
        }
    }
    return out;
}

} // namespace hp::cli
