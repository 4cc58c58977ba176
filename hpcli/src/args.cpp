// SPDX-License-Identifier: Apache-2.0
// Defines the options and runs the option parser. It only collects strings (raw_args.hpp); checking
// them is ours, so that wording and exit codes do not depend on the library.
#include "args.hpp"

#include "help.hpp"
#include "raw_args.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

namespace hp::cli {
namespace {

template <class T>
using Parsed = tl::expected<T, Failure>;

void add_shared_options(CLI::App& app, RawArgs& raw) {
    const auto flag = [&](const char* names, bool& to, const char* text, const char* group) {
        app.add_flag(names, to, text)->group(group);
    };
    const auto option = [&](const char* names, auto& to, const char* value, const char* text) {
        app.add_option(names, to, text)->type_name(value)->group(connection_group);
    };
    flag("-h,--help", raw.help, "help in short", global_group);
    flag("--help-all", raw.help_all, "help with every option", global_group);
    flag("-V,--version", raw.version, "print the version", global_group);
    flag("--json", raw.json, "answer and errors as JSON on stdout", global_group);
    flag("-q,--quiet", raw.quiet, "no notes on stderr, errors only", global_group);
    flag("-v,--verbose", raw.verbose, "connection log on stderr", global_group);
    app.add_option("-s,--server", raw.servers,
                   "ws:// or wss:// address; several are tried in order"
                   " (default: $HP_SERVERS)")
        ->type_name("URL")
        ->expected(1)
        ->take_all()
        ->allow_extra_args(false)
        ->group(connection_group);
    option("-k,--key", raw.key, "KEY", "name of a stored key, key file, or \"ephemeral\"");
    option("--protocol", raw.protocol, "json|bson", "message encoding (default bson)");
    option("--contract-id", raw.contract_id, "ID", "refuse servers with another contract");
    option("--contract-version", raw.contract_version, "V", "refuse another contract version");
    app.add_option("--trusted-key", raw.trusted_keys, "trust only these node keys (repeat)")
        ->type_name("HEX")
        ->expected(1)
        ->take_all()
        ->allow_extra_args(false)
        ->group(connection_group);
    option("--quorum", raw.quorum, "SHARE", "signatures that prove an output (default 0.8)");
    option("--connect-timeout", raw.connect_timeout, "DUR", "each server (default 5s)");
    option("--timeout", raw.timeout, "DUR",
           "wait for the answer (send 60s, watch none, others 15s)");
    flag("--verify-tls", raw.verify_tls, "check the server's certificate", connection_group);
    option("--ca", raw.ca_file, "FILE", "check it against these authorities (PEM)");
}

void add_own_options(Command command, CLI::App& app, RawArgs& raw) {
    const auto option = [&app](const char* names, auto& to, const char* value, const char* text) {
        app.add_option(names, to, text)->type_name(value);
    };
    switch (command) {
    case Command::send:
        option("--wait", raw.wait, "sent|ledger|output", "what to wait for (default output)");
        option("--expires", raw.expires, "+N|@SEQ", "last ledger it may enter (default +8)");
        option("--nonce", raw.nonce, "auto|N", "position among this key's inputs (default auto)");
        app.add_flag("--require-output", raw.require_output, "no output is an error (exit 6)");
        [[fallthrough]];
    case Command::read:
        app.add_flag("--text", raw.text, "the argument is text, whatever it looks like");
        break;
    case Command::ledger_get:
        app.add_flag("--inputs", raw.inputs, "with its inputs");
        app.add_flag("--outputs", raw.outputs, "with its outputs");
        break;
    case Command::watch:
        option("--count", raw.count, "N", "end after N events");
        break;
    default:
        break;
    }
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

void unguard(std::vector<std::string>& texts) {
    for (std::string& text : texts) {
        if (text.starts_with(guard_mark)) {
            text.erase(0, 1);
        }
    }
}

struct Parser {
    CLI::App root{"hpcli"};
    RawArgs raw;
    std::vector<std::pair<const CommandInfo*, CLI::App*>> commands;

    Parser() {
        root.set_help_flag();
        root.fallthrough();
        root.require_subcommand(0, 1);
        add_shared_options(root, raw);
        for (const CommandInfo& info : command_table) {
            CLI::App* app = add_command(root, info);
            app->add_option("arguments", raw.arguments);
            add_own_options(info.command, *app, raw);
            commands.emplace_back(&info, app);
        }
    }

    Parsed<void> run(int argc, const char* const* argv) {
        std::vector<std::string> arguments;
        for (int i = argc - 1; i > 0; --i) { // the library wants them reversed
            arguments.push_back(guarded(argv[i]));
        }
        try {
            root.parse(std::move(arguments));
        } catch (const CLI::Error& error) {
            std::string message = error.what();
            std::erase(message, guard_mark);
            return failure(ErrorId::usage, std::move(message), "hpcli --help");
        }
        unguard(raw.arguments);
        return {};
    }

    // The innermost command given, null when there is none.
    const std::pair<const CommandInfo*, CLI::App*>* chosen() const {
        const auto found =
            std::ranges::find_if(commands, [](const auto& item) { return item.second->parsed(); });
        return found == commands.end() ? nullptr : &*found;
    }

    Parsed<void> refuse_connection_options(const CommandInfo& info) const {
        for (const CLI::Option* option : root.get_options()) {
            if (option->get_group() == connection_group && option->count() > 0) {
                return failure(ErrorId::usage, "\"" + std::string(info.words) +
                                                   "\" talks to no server: " + option->get_name() +
                                                   " has no meaning");
            }
        }
        return {};
    }
};

Args help(std::string text) {
    Args out;
    out.help_text = std::move(text);
    return out;
}

} // namespace

Parsed<Args> parse_args(int argc, const char* const* argv) {
    Parser parser;
    if (auto done = parser.run(argc, argv); !done) {
        return tl::unexpected(std::move(done.error()));
    }
    RawArgs& raw = parser.raw;
    const auto* chosen = parser.chosen();
    if (raw.help || raw.help_all) {
        return help(chosen != nullptr
                        ? command_help(parser.root, *chosen->second, *chosen->first, raw.help_all)
                        : root_help(parser.root, raw.help_all));
    }
    if (raw.version) {
        raw.arguments.clear();
        chosen = &*std::ranges::find_if(parser.commands, [](const auto& item) {
            return item.first->command == Command::version;
        });
    } else if (chosen == nullptr) {
        return failure(ErrorId::usage, "no command given", "hpcli --help");
    }
    const CommandInfo& info = *chosen->first;
    auto out = check_args(raw, info);
    if (out && !info.online) {
        if (auto done = parser.refuse_connection_options(info); !done) {
            return tl::unexpected(std::move(done.error()));
        }
    }
    return out;
}

ErrorStyle guess_error_style(int argc, const char* const* argv) {
    ErrorStyle out;
    std::string words;
    for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i) {
        const std::string_view argument = argv[i];
        out.json = out.json || argument == "--json";
        if (argument.starts_with('-')) {
            continue;
        }
        words += (words.empty() ? "" : " ") + std::string(argument);
        for (const CommandInfo& info : command_table) {
            if (info.words == words) {
                out.schema = schema_of(words);
            }
        }
    }
    return out;
}

} // namespace hp::cli
