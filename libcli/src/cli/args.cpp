// SPDX-License-Identifier: Apache-2.0
// Defines the options and runs the option parser. It only collects strings; checking them is ours
// (options.hpp and the program's take_shared), so that wording and exit codes do not depend on the
// library.
#include "cli/args.hpp"

#include "cli/help.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/presenter.hpp"
#include "cli/program.hpp"
#include "cli/settings.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <deque>
#include <unistd.h>

namespace hp::cli {
namespace {

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
    std::vector<std::string> arguments;
    std::vector<std::pair<const OptionInfo*, CLI::Option*>> global;
    std::vector<std::pair<const OptionInfo*, CLI::Option*>> shared;
    std::vector<Known> commands;
    std::deque<std::vector<std::string>> own_values; // for the library; read through its options

    explicit Parser(const Program& about) : program(about), root(std::string(about.name)) {
        root.set_help_flag();
        root.fallthrough();
        root.require_subcommand(0, 1);
        for (const OptionInfo& option : global_options) {
            global.emplace_back(&option, add_option(root, option, global_group));
        }
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
            const std::string unknown = unknown_command(argc, argv);
            return failure(ErrorId::usage,
                           unknown.empty() ? message : "there is no command \"" + unknown + "\"",
                           suggestion(argc, argv));
        }
        arguments = unguarded(std::move(arguments));
        return {};
    }

    // The group of commands that was given; empty when there is none.
    std::string group() const {
        const auto given = root.get_subcommands();
        return given.empty() ? std::string() : given.front()->get_name();
    }

    // What stands where a command should; empty when the mistake is another one.
    std::string unknown_command(int argc, const char* const* argv) const {
        const std::vector<std::string> extras = root.remaining(true);
        for (int i = 1; chosen() == nullptr && i < argc; ++i) {
            const std::string word = argv[i];
            if (!word.starts_with('-') && std::ranges::find(extras, word) != extras.end()) {
                return group().empty() ? word : group() + " " + word;
            }
        }
        return "";
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
            if (!group().empty() && !item.info->words.starts_with(group() + " ")) {
                continue; // whoever has named a group means one of its commands
            }
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
                   given < info.arguments_min
                       ? "\"" + words + "\" needs " + std::string(info.arguments)
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

// What the command line leaves open comes from the settings. Gives the names of those options.
std::set<std::string, std::less<>> fill_in(const Settings& settings, const CommandInfo* command,
                                           std::span<const OptionInfo> options, OptionValues& to) {
    std::set<std::string, std::less<>> out;
    for (const OptionInfo& option : options) {
        const std::string name(option.name());
        const auto found = to.has(name) ? std::vector<Setting>() : settings.find(command, option);
        if (found.empty()) {
            continue;
        }
        const Setting& setting = found.front();
        if (!option.value.empty()) {
            to.add(name, setting.values);
        } else if (setting.values.front() == "true") {
            to.add(name, {});
        }
        if (setting.origin != Setting::Origin::environment) {
            out.insert(name);
        }
    }
    return out;
}

std::optional<OutputFormat> parse_output(std::string_view text) {
    constexpr std::array<std::string_view, 4> words = {"table", "json", "tsv", "raw"};
    const auto found = std::ranges::find(words, text);
    return found == words.end() ? std::nullopt
                                : std::optional(static_cast<OutputFormat>(found - words.begin()));
}

bool has_option(const CommandInfo& info, std::string_view name) {
    return std::ranges::find(info.options, name, &OptionInfo::name) != info.options.end();
}

// How the answer is shown, and whether the command gives JSON for it.
Parsed<void> take_shape(const OptionValues& global, Args& out) {
    if (const auto text = global.text("output")) {
        const auto output = parse_output(*text);
        if (!output) {
            return bad_value("--output", *text, "table, json, tsv or raw");
        }
        out.output = *output;
    }
    if (global.has("json")) {
        if (out.output != OutputFormat::table && out.output != OutputFormat::json) {
            return failure(ErrorId::usage, "--json is -o json, and another output is asked for");
        }
        out.output = OutputFormat::json;
    }
    out.json = out.output == OutputFormat::json;
    const CommandInfo& info = *out.command;
    const auto fields = split_list(global.text("fields").value_or(""));
    if (global.has("fields") && fields.empty()) {
        return bad_value("--fields", "", "names separated by commas");
    }
    if (out.output == OutputFormat::raw && fields.empty() && has_option(info, "raw")) {
        out.options.add("raw", {}); // the command knows better what its bytes are
        return {};
    }
    const bool other = out.output == OutputFormat::tsv || out.output == OutputFormat::raw;
    if (!other && fields.empty()) {
        return {};
    }
    if (info.fields.empty()) {
        return failure(ErrorId::usage, "the answer of \"" + std::string(info.words) +
                                           "\" has no fields to show in another shape");
    }
    auto presenter = Presenter::make(out.output, fields, info.fields);
    if (!presenter) {
        return tl::unexpected(std::move(presenter.error()));
    }
    out.presenter = std::move(*presenter);
    out.json = true;
    return {};
}

Parsed<void> take_global(const OptionValues& global, Args& out) {
    out.quiet = global.has("quiet");
    out.verbose = global.has("verbose");
    out.yes = global.has("yes");
    out.no_input = global.has("no-input");
    out.no_progress = global.has("no-progress");
    out.config_file = global.text("config").value_or("");
    const auto color = wants_color(global.text("color").value_or("auto"));
    if (!color) {
        return tl::unexpected(color.error());
    }
    out.color = *color;
    return take_shape(global, out);
}

Parsed<void> enter_directory(const OptionValues& global) {
    const auto directory = global.text("directory");
    if (directory && ::chdir(directory->c_str()) != 0) {
        return failure(ErrorId::file_not_found,
                       "cannot work in " + *directory + ": " + errno_text(errno));
    }
    return {};
}

Parsed<Settings> load_settings(const Program& program, const OptionValues& global) {
    auto file = global.text("config");
    if (!file) {
        const auto option = std::ranges::find(global_options, "config", &OptionInfo::name);
        const char* named = std::getenv(variable_of(program, *option).c_str());
        file =
            named != nullptr && *named != '\0' ? std::optional<std::string>(named) : std::nullopt;
    }
    return Settings::load(program, file);
}

Parsed<Args> make_args(Parser& parser, const Parser::Known& chosen) {
    const CommandInfo& info = *chosen.info;
    Args out;
    out.program = &parser.program;
    out.command = &info;
    out.schema = parser.program.schema_of(info.words);
    out.arguments = std::move(parser.arguments);
    out.options = given_values(chosen.options);
    out.shared = given_values(parser.shared);
    OptionValues global = given_values(parser.global);
    if (auto entered = enter_directory(global); !entered) {
        return tl::unexpected(std::move(entered.error()));
    }
    const auto settings = load_settings(parser.program, global);
    if (!settings) {
        return tl::unexpected(settings.error());
    }
    fill_in(*settings, nullptr, global_options, global);
    fill_in(*settings, &info, info.options, out.options);
    // What a context stores, and what has no meaning, is only what was really said.
    if (info.scope == Scope::online || info.scope == Scope::on_demand) {
        out.configured = fill_in(*settings, nullptr, parser.program.shared_options, out.shared);
    }
    if (auto taken = take_global(global, out); !taken) {
        return tl::unexpected(std::move(taken.error()));
    }
    for (const std::string& name : settings->unknown_variables()) {
        if (!out.quiet) {
            write_note(note_head(out) + name + " in the environment is no setting\n");
        }
    }
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
    const OptionValues global = given_values(parser.global);
    const bool all = global.has("help-all");
    const auto* chosen = parser.chosen();
    if (global.has("help") || all) {
        return help(chosen != nullptr
                        ? command_help(program, parser.root, *chosen->app, *chosen->info, all)
                    : parser.group().empty() ? root_help(program, parser.root, all)
                                             : group_help(program, parser.group()));
    }
    if (global.has("version")) {
        parser.arguments.clear();
        chosen = &*std::ranges::find_if(parser.commands, [](const Parser::Known& item) {
            return item.info->words == "version";
        });
    } else if (chosen == nullptr) {
        const std::string head = std::string(program.name) + " " + parser.group();
        return parser.group().empty()
                   ? failure(ErrorId::usage, "no command given",
                             std::string(program.name) + " --help")
                   : failure(ErrorId::usage, "\"" + head + "\" is a group of commands",
                             head + " --help lists them");
    }
    return make_args(parser, *chosen);
}

ErrorStyle guess_error_style(const Program& program, int argc, const char* const* argv) {
    ErrorStyle out;
    out.schema = program.schema_of("error");
    out.color = wants_color("auto").value_or(false);
    std::string words;
    std::string_view previous;
    for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i) {
        const std::string_view argument = argv[i];
        out.json = out.json || argument == "--json" || argument == "-ojson" ||
                   argument == "--output=json" ||
                   (argument == "json" && (previous == "-o" || previous == "--output"));
        previous = argument;
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
