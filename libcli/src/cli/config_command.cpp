// SPDX-License-Identifier: Apache-2.0
#include "cli/config_command.hpp"

#include "cli/contexts.hpp"
#include "cli/render.hpp"
#include "cli/settings.hpp"
#include "cli/text_table.hpp"

#include <algorithm>
#include <cstdlib>

namespace hp::cli {
namespace {

struct Key {
    const CommandInfo* command = nullptr; // null: an option of all commands
    const OptionInfo* option = nullptr;
};

const OptionInfo* option_of(std::span<const OptionInfo> options, std::string_view name) {
    const auto found = std::ranges::find(options, name, &OptionInfo::name);
    return found == options.end() ? nullptr : &*found;
}

// "timeout", "send.wait", "ledger.export.output-file".
std::optional<Key> find_key(const Program& program, const std::string& text) {
    const std::size_t dot = text.rfind('.');
    Key out;
    if (dot == std::string::npos) {
        out.option = option_of(global_options, text);
        if (out.option == nullptr) {
            out.option = option_of(program.shared_options, text);
        }
    } else {
        std::string words = text.substr(0, dot);
        std::ranges::replace(words, '.', ' ');
        out.command = program.find(words);
        out.option = out.command == nullptr ? nullptr
                                            : option_of(out.command->options, text.substr(dot + 1));
    }
    return out.option == nullptr ? std::nullopt : std::optional(out);
}

struct Source {
    std::string name;
    std::string value;
};

std::string comma_list(const std::vector<std::string>& values) {
    std::string out;
    for (const std::string& value : values) {
        out += (out.empty() ? "" : ",") + value;
    }
    return out;
}

// What the current context says, where programs have contexts.
tl::expected<std::string, Failure> from_context(const Program& program, std::string_view name) {
    if (option_of(program.shared_options, "context") == nullptr) {
        return std::string();
    }
    const auto context = find_context(std::nullopt);
    if (!context) {
        return tl::unexpected(context.error());
    }
    std::string member(name);
    member += name == "server" || name == "trusted-key" ? "s" : "";
    std::ranges::replace(member, '-', '_');
    const Json json = *context ? context_to_json(**context) : Json::object();
    const auto found = json.find(member);
    return found == json.end()  ? std::string()
           : found->is_string() ? found->get<std::string>()
                                : comma_list(list_member(json, member.c_str()));
}

// Highest first.
tl::expected<std::vector<Source>, Failure> sources_of(const Args& args, const Key& key) {
    const auto settings = Settings::load(
        *args.program, args.config_file.empty() ? std::nullopt : std::optional(args.config_file));
    if (!settings) {
        return tl::unexpected(settings.error());
    }
    std::vector<Source> out;
    std::vector<Source> files;
    for (const Setting& setting : settings->find(key.command, *key.option)) {
        const bool is_variable = setting.origin == Setting::Origin::environment;
        (is_variable ? out : files).push_back({setting.source, comma_list(setting.values)});
    }
    const std::string_view name = key.option->name();
    if (key.command == nullptr) {
        auto context = from_context(*args.program, name);
        if (!context) {
            return tl::unexpected(std::move(context.error()));
        }
        if (!context->empty()) {
            out.push_back({"context", *context});
        }
        const char* servers = std::getenv("HP_SERVERS");
        const bool has_contexts = option_of(args.program->shared_options, "context") != nullptr;
        if (has_contexts && name == "server" && servers != nullptr && *servers != '\0') {
            out.push_back({"HP_SERVERS", comma_list(split_list(servers))});
        }
    }
    out.insert(out.end(), files.begin(), files.end());
    return out;
}

} // namespace

Outcome run_config_explain(const Args& args) {
    const std::string& name = args.arguments.front();
    const auto key = find_key(*args.program, name);
    if (!key) {
        return failure(ErrorId::not_known, "there is no option \"" + name + "\"",
                       "of all commands: timeout; of one: send.wait");
    }
    auto sources = sources_of(args, *key);
    if (!sources) {
        return tl::unexpected(std::move(sources.error()));
    }
    sources->push_back({"default", std::string(key->option->text)});
    const std::string variable = variable_of(*args.program, *key->option);
    TextTable table({"USED", "SOURCE", "VALUE"});
    JsonArray list;
    for (std::size_t i = 0; i < sources->size(); ++i) {
        const Source& source = (*sources)[i];
        table.add({i == 0 ? "*" : "", source.name, source.value});
        JsonObject item;
        item.add("source", source.name).add("value", source.value).add("used", i == 0);
        list.add_raw(item.text());
    }
    if (!args.json) {
        return Answer{table.text()};
    }
    JsonObject out = document(args.schema);
    out.add("key", name).add("variable", variable).add("sources", list);
    return Answer{out.text() + "\n"};
}

} // namespace hp::cli
