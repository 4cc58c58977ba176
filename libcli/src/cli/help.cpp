// SPDX-License-Identifier: Apache-2.0
// Help texts from the definitions of the option parser, so that they cannot drift from them.
#include "cli/help.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

namespace hp::cli {
namespace {

std::string option_lines(const CLI::App& app, const std::string& group) {
    std::string out;
    for (const CLI::Option* option : app.get_options()) {
        if (option->get_group() != group || option->get_positional()) {
            continue;
        }
        std::string names = option->get_name(false, true);
        std::ranges::replace(names, ',', ' ');
        if (option->get_type_size() > 0) {
            names += " " + option->get_type_name();
        }
        names.resize(std::max<std::size_t>(names.size() + 1, 32), ' ');
        out += "  " + names + option->get_description() + "\n";
    }
    return out;
}

std::string shared_option_text(const Program& program, const CLI::App& root) {
    return "\n" + std::string(program.shared_title) + "\n" + option_lines(root, shared_group) +
           "\nGlobal options\n" + option_lines(root, global_group);
}

std::string exit_code_text() {
    std::string out = "\nErrors (the exit code is the number's thousands)\n";
    for (const ErrorInfo& error : error_table) {
        std::string code(error.code);
        code.resize(12, ' ');
        out += "  " + code + std::string(error.meaning) + "\n";
    }
    return out;
}

} // namespace

namespace {

// One line a command or group, in table order: "ledger      get list follow ...".
std::string command_lines(Commands commands) {
    std::string out;
    std::vector<std::string> groups;
    for (const CommandInfo& info : commands) {
        const std::size_t space = info.words.find(' ');
        std::string name(info.words.substr(0, space));
        if (space == std::string_view::npos) {
            name.resize(12, ' ');
            out += "  " + name + std::string(info.summary) + "\n";
            continue;
        }
        if (std::ranges::find(groups, name) != groups.end()) {
            continue;
        }
        groups.push_back(name);
        std::string line = "  " + name;
        line.resize(13, ' ');
        for (const CommandInfo& other : commands) {
            if (other.words.starts_with(name + " ")) {
                line += " " + std::string(other.words.substr(name.size() + 1));
            }
        }
        out += line + "\n";
    }
    return out;
}

} // namespace

std::string root_help(const Program& program, const CLI::App& root, bool all) {
    const std::string name(program.name);
    std::string out = name + ": " + std::string(program.summary) + "\nusage: " + name +
                      " COMMAND [ARGUMENT...] [OPTION...]\n\n" + command_lines(program.commands);
    if (all) {
        return out + shared_option_text(program, root) + exit_code_text();
    }
    return out + "\nMore: " + name + " COMMAND --help, " + name + " --help-all, " + name +
           " man\nexamples:\n  " + std::string(program.example) + "\n  " +
           std::string(program.example_more) + "\n";
}

std::string group_help(const Program& program, const std::string& group) {
    const std::string head = std::string(program.name) + " " + group;
    std::string out = "usage: " + head + " COMMAND [ARGUMENT...] [OPTION...]\n\n";
    for (const CommandInfo& info : program.commands) {
        if (!info.words.starts_with(group + " ")) {
            continue;
        }
        std::string name(info.words.substr(group.size() + 1));
        name.resize(std::max<std::size_t>(name.size() + 1, 12), ' ');
        out += "  " + name + std::string(info.summary) + "\n";
    }
    return out + "\nMore: " + head + " COMMAND --help\n";
}

std::string command_help(const Program& program, const CLI::App& root, const CLI::App& app,
                         const CommandInfo& info, bool all) {
    std::string out = std::string(info.summary) + "\nusage: " + std::string(program.name) + " " +
                      std::string(info.words);
    if (!info.arguments.empty()) {
        out += " " + std::string(info.arguments);
    }
    out += " [OPTION...]\n" + option_lines(app, own_group);
    if (all) {
        out += shared_option_text(program, root);
    } else if (info.scope != Scope::offline) {
        out += std::string(program.shared_hint) + ", --json; all with --help-all\n";
    } else {
        out += "also: --json; all with --help-all\n";
    }
    return out + "examples:\n  " + std::string(info.example) + "\n  " +
           std::string(info.example_more) + "\n";
}

} // namespace hp::cli
