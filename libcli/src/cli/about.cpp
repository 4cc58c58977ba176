// SPDX-License-Identifier: Apache-2.0
#include "cli/about.hpp"

#include "cli/completion.hpp"
#include "cli/manual_page.hpp"
#include "cli/render.hpp"
#include "cli/schema.hpp"
#include "hp/base/version.hpp"

#include <algorithm>

namespace hp::cli {

Outcome run_version(const Args& args) {
    if (args.json) {
        JsonObject out = document(args.schema);
        out.add("version", version).add("hp_version", hp_version);
        out.add("ledger_version", ledger_version);
        return Answer{out.text() + "\n"};
    }
    return Answer{std::string(args.program->name) + " " + std::string(version) + " (protocol " +
                  std::string(hp_version) + ")\n"};
}

namespace {

std::string exit_name(int exit) {
    constexpr std::array names = {"ok",       "failed",   "usage",     "connect",    "trust",
                                  "rejected", "timeout",  "not-ready", "mismatch",   "not-found",
                                  "exists",   "contract", "assertion", "environment"};
    switch (exit) {
    case exit_interrupted:
        return "interrupted";
    case exit_closed_pipe:
        return "closed pipe";
    case exit_terminated:
        return "terminated";
    default:
        break;
    }
    const auto at = static_cast<std::size_t>(exit);
    return exit >= 0 && at < names.size() ? names[at] : "";
}

// "7", "7001" or "HPE-7001", in any case.
std::vector<const ErrorInfo*> matching_errors(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
    std::vector<const ErrorInfo*> out;
    for (const ErrorInfo& error : error_table) {
        if (text == error.code || "HPE-" + text == error.code ||
            text == std::to_string(error.exit)) {
            out.push_back(&error);
        }
    }
    return out;
}

} // namespace

Outcome run_explain(const Args& args) {
    const std::string& wanted = args.arguments.front();
    const auto errors = matching_errors(wanted);
    const auto number = parse_number(wanted);
    const std::string name = number && *number < 200 ? exit_name(static_cast<int>(*number)) : "";
    if (errors.empty() && name.empty()) {
        return failure(ErrorId::not_known, "no such code: " + wanted,
                       std::string(args.program->name) +
                           " --help-all lists them; exit codes are 0 to 13, 130, 141 and 143");
    }
    const std::string title = errors.empty() ? name : exit_name(errors.front()->exit);
    const std::string exit = errors.empty() ? wanted : std::to_string(errors.front()->exit);
    std::string text = "exit code " + exit + ": " + title + "\n";
    JsonArray list;
    for (const ErrorInfo* error : errors) {
        text += "  " + std::string(error->code) + "  " + std::string(error->meaning) + "\n";
        list.add_raw(JsonObject().add("code", error->code).add("meaning", error->meaning).text());
    }
    if (!args.json) {
        return Answer{text};
    }
    JsonObject out = document(args.schema);
    out.add_raw("exit", exit).add("name", title).add("errors", list);
    return Answer{out.text() + "\n"};
}

namespace {

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) {
        out += (out.empty() ? "" : " ") + word;
    }
    return out;
}

} // namespace

Outcome run_schema(const Args& args) {
    if (!args.arguments.empty()) {
        const std::string words = joined(args.arguments);
        const CommandInfo* info = args.program->find(words);
        if (info == nullptr || info->fields.empty()) {
            return failure(ErrorId::not_known, "no JSON answer of \"" + words + "\"",
                           std::string(args.program->name) + " schema lists them");
        }
        return Answer{make_schema(args.program->schema_of(words), info->fields) + "\n"};
    }
    std::string text;
    JsonArray list;
    for (const CommandInfo& info : args.program->commands) {
        const std::string name = info.fields.empty() ? "" : args.program->schema_of(info.words);
        text += text_row(info.words, name.empty() ? "(no JSON)" : name);
        JsonObject item;
        item.add("command", info.words).add("online", info.scope == Scope::online);
        if (!name.empty()) {
            item.add("schema", name);
        }
        list.add_raw(item.text());
    }
    return Answer{args.json ? document(args.schema).add("commands", list).text() + "\n" : text};
}

Outcome run_completion(const Args& args) {
    const std::string& shell = args.arguments.front();
    if (shell == "bash") {
        return Answer{bash_completion(*args.program)};
    }
    if (shell == "zsh") {
        return Answer{zsh_completion(*args.program)};
    }
    if (shell == "fish") {
        return Answer{fish_completion(*args.program)};
    }
    return failure(ErrorId::usage, "no completion for \"" + shell + "\"", "bash, zsh or fish");
}

Outcome run_man(const Args& args) {
    return Answer{manual_page(*args.program)};
}

} // namespace hp::cli
