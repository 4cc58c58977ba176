// SPDX-License-Identifier: Apache-2.0
// Contexts: connection settings under a name.
#include "commands.hpp"

#include "cli/confirm.hpp"
#include "cli/connection_args.hpp"
#include "cli/contexts.hpp"
#include "cli/options.hpp"
#include "cli/payload.hpp"
#include "cli/render.hpp"
#include "hp/client/key_store.hpp"
#include "hp/os/fd.hpp"

#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace hp::cli {
namespace {

using Changed = tl::expected<void, Failure>;

Json& contexts_of(Json& file) {
    Json& out = file["contexts"];
    if (!out.is_object()) {
        out = Json::object();
    }
    return out;
}

Failure no_context(const std::string& name) {
    return {ErrorId::not_known, "there is no context \"" + name + "\"", "hpcli context list"};
}

std::string replaced(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Outcome context_answer(const Args& args, const std::string& name, const Json& context) {
    if (!args.json) {
        return Answer{context.dump(4, ' ', false, Json::error_handler_t::replace) + "\n"};
    }
    JsonObject out = document(args.schema);
    out.add("name", name).add_raw("context", replaced(context));
    return Answer{out.text() + "\n"};
}

// The file with everything checked as if it came from the command line.
tl::expected<void, Failure> check_context(const Context& context) {
    RawConnection raw;
    raw.servers = context.servers;
    raw.trusted_keys = context.trusted_keys;
    raw.key = context.key;
    raw.contract_id = context.contract_id;
    raw.contract_version = context.contract_version;
    raw.protocol = context.protocol;
    raw.quorum = context.quorum;
    if (context.servers.empty()) {
        return failure(ErrorId::usage, "a context needs a server");
    }
    auto checked = check_connection(std::move(raw), true);
    return checked ? Changed() : tl::unexpected(std::move(checked.error()));
}

Outcome store_context(const Args& args, const std::string& name, const Context& context) {
    if (!client::is_key_name(name)) { // the same rules
        return bad_value("context", name, "letters, digits, dot, dash and underscore");
    }
    if (auto fits = check_context(context); !fits) {
        return tl::unexpected(std::move(fits.error()));
    }
    const Json json = context_to_json(context);
    auto done = change_user_file(contexts_file, [&](Json& file) -> Changed {
        Json& contexts = contexts_of(file);
        if (contexts.contains(name) && !args.options.has("force")) {
            return failure(ErrorId::name_taken, "there is a context \"" + name + "\" already",
                           "--force replaces it");
        }
        contexts[name] = json;
        if (!file.contains("current")) {
            file["current"] = name;
        }
        return {};
    });
    return done ? context_answer(args, name, json) : tl::unexpected(std::move(done.error()));
}

Outcome run_add(const Args& args) {
    return store_context(args, args.arguments.front(), args.settings);
}

Outcome run_list(const Args& args) {
    auto file = load_user_file(contexts_file);
    if (!file) {
        return tl::unexpected(std::move(file.error()));
    }
    const std::string current = text_member(*file, "current").value_or("");
    std::string text;
    JsonArray list;
    for (const auto& [name, context] : contexts_of(*file).items()) {
        std::string servers;
        for (const std::string& url : list_member(context, "servers")) {
            servers += (servers.empty() ? "" : ",") + url;
        }
        text += (name == current ? "* " : "  ") + text_row(name, servers);
        JsonObject item;
        item.add("name", name).add("current", name == current);
        list.add_raw(item.add_raw("context", replaced(context)).text());
    }
    return Answer{args.json ? document(args.schema).add("contexts", list).text() + "\n" : text};
}

// Makes a context the current one and remembers which one was.
Outcome switch_to(const Args& args, const std::string& wanted) {
    std::string name = wanted;
    Json context;
    auto done = change_user_file(contexts_file, [&](Json& file) -> Changed {
        if (name.empty()) {
            name = text_member(file, "previous").value_or("");
        }
        if (!contexts_of(file).contains(name)) {
            return tl::unexpected(no_context(name));
        }
        context = contexts_of(file)[name];
        file["previous"] = text_member(file, "current").value_or("");
        file["current"] = name;
        return {};
    });
    return done ? context_answer(args, name, context) : tl::unexpected(std::move(done.error()));
}

Outcome run_use(const Args& args) {
    return switch_to(args, args.arguments.front());
}

Outcome run_previous(const Args& args) {
    return switch_to(args, "");
}

Outcome run_show(const Args& args) {
    auto file = load_user_file(contexts_file);
    if (!file) {
        return tl::unexpected(std::move(file.error()));
    }
    const std::string name = args.arguments.empty() ? text_member(*file, "current").value_or("")
                                                    : args.arguments.front();
    if (!contexts_of(*file).contains(name)) {
        return tl::unexpected(no_context(name));
    }
    return context_answer(args, name, contexts_of(*file)[name]);
}

Outcome run_rm(const Args& args) {
    const std::string& name = args.arguments.front();
    if (auto agreed = confirm(args, "remove context \"" + name + "\""); !agreed) {
        return tl::unexpected(std::move(agreed.error()));
    }
    auto done = change_user_file(contexts_file, [&name](Json& file) -> Changed {
        if (contexts_of(file).erase(name) == 0) {
            return tl::unexpected(no_context(name));
        }
        for (const char* mark : {"current", "previous"}) {
            if (text_member(file, mark) == name) {
                file.erase(mark);
            }
        }
        return {};
    });
    if (!done) {
        return tl::unexpected(std::move(done.error()));
    }
    return Answer{args.json ? document(args.schema).add("name", name).text() + "\n" : ""};
}

Outcome run_import(const Args& args) {
    const std::string& path = args.arguments[1];
    const auto content = read_input_file(path == "-" ? "/dev/stdin" : path);
    if (!content) {
        return tl::unexpected(content.error());
    }
    const Json json = Json::parse(content->begin(), content->end(), nullptr, false);
    if (!json.is_object()) {
        return failure(ErrorId::bad_file, path + " is not a context");
    }
    return store_context(args, args.arguments.front(), context_from_json(json));
}

// --- edit ----------------------------------------------------------------------------------------

// Runs the user's editor on a file and waits for it.
tl::expected<void, Failure> run_editor(const std::string& path) {
    const char* editor = std::getenv("VISUAL");
    if (editor == nullptr || *editor == '\0') {
        editor = std::getenv("EDITOR");
    }
    const std::string command =
        std::string(editor == nullptr || *editor == '\0' ? "vi" : editor) + " \"$1\"";
    const std::array<const char*, 6> words = {"sh", "-c",         command.c_str(),
                                              "sh", path.c_str(), nullptr};
    pid_t pid = 0;
    // The words are not changed; the interface is older than const.
    const int error = ::posix_spawn(&pid, "/bin/sh", nullptr, nullptr,
                                    const_cast<char* const*>(words.data()), ::environ);
    int status = 0;
    if (error != 0 || ::waitpid(pid, &status, 0) != pid) {
        return failure(ErrorId::tool_missing, "cannot run " + command);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return failure(ErrorId::failed, "the editor failed; nothing was changed: " + command);
    }
    return {};
}

// A file with `text` for as long as this lives.
class EditedFile {
public:
    static tl::expected<EditedFile, Failure> make(const std::string& text) {
        std::error_code ignored;
        std::string path =
            (std::filesystem::temp_directory_path(ignored) / "hpcli-context.XXXXXX").string();
        const os::Fd file(::mkostemp(path.data(), O_CLOEXEC));
        if (!file || !os::write_all(file.get(), as_bytes(text))) {
            return failure(ErrorId::cannot_write, "cannot write " + path);
        }
        return EditedFile(std::move(path));
    }
    ~EditedFile() {
        if (!path_.empty()) {
            ::unlink(path_.c_str());
        }
    }
    EditedFile(EditedFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    EditedFile& operator=(EditedFile&&) = delete;

    const std::string& path() const { return path_; }

private:
    explicit EditedFile(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

Outcome run_edit(const Args& args) {
    if (args.no_input) {
        return failure(ErrorId::usage, "with --no-input no editor is started",
                       "hpcli context export, hpcli context import --force");
    }
    auto file = load_user_file(contexts_file);
    if (!file) {
        return tl::unexpected(std::move(file.error()));
    }
    const std::string name = args.arguments.empty() ? text_member(*file, "current").value_or("")
                                                    : args.arguments.front();
    if (!contexts_of(*file).contains(name)) {
        return tl::unexpected(no_context(name));
    }
    const auto edited = EditedFile::make(contexts_of(*file)[name].dump(4) + "\n");
    if (!edited) {
        return tl::unexpected(edited.error());
    }
    if (auto done = run_editor(edited->path()); !done) {
        return tl::unexpected(std::move(done.error()));
    }
    const auto content = read_input_file(edited->path());
    if (!content) {
        return tl::unexpected(content.error());
    }
    const Json json = Json::parse(content->begin(), content->end(), nullptr, false);
    if (!json.is_object()) {
        return failure(ErrorId::bad_file, "the edited text is not a JSON object; nothing changed");
    }
    // What is not understood is a mistake of typing, not something to lose silently.
    const Json understood = context_to_json(context_from_json(json));
    for (const auto& [member, value] : json.items()) {
        if (!understood.contains(member) || understood[member] != value) {
            return failure(ErrorId::bad_file, "the edited text has a \"" + member +
                                                  "\" that is not understood; nothing changed");
        }
    }
    Args forced = args;
    forced.options.add("force", {});
    return store_context(forced, name, context_from_json(json));
}

constexpr OptionInfo force{"--force", "", "replace one of that name"};
constexpr std::array add_options = {force};
constexpr std::array import_options = {force};

constexpr std::string_view context_fields = "ok:bool name:text context:any";

constexpr std::array context_table = {
    CommandInfo{"context add", "NAME", 1, 1, Scope::settings, "Store connection settings",
                "hpcli context add local -s wss://127.0.0.1:8080",
                "hpcli context add prod -s wss://n1:8080 -s wss://n2:8080 -k ops", add_options,
                context_fields, run_add},
    CommandInfo{"context list",
                "",
                0,
                0,
                Scope::offline,
                "List contexts; * is the current one",
                "hpcli context list",
                "hpcli context list --json | jq -r '.contexts[].name'",
                {},
                "ok:bool contexts:[{name:text current:bool context:any}]",
                run_list},
    CommandInfo{"context use",
                "NAME",
                1,
                1,
                Scope::offline,
                "Make a context the current one",
                "hpcli context use prod",
                "hpcli context use local --json",
                {},
                context_fields,
                run_use},
    CommandInfo{"context previous",
                "",
                0,
                0,
                Scope::offline,
                "Go back to the one before",
                "hpcli context previous",
                "hpcli context previous --json | jq -r .name",
                {},
                context_fields,
                run_previous},
    CommandInfo{"context show",
                "[NAME]",
                0,
                1,
                Scope::offline,
                "Show a context",
                "hpcli context show",
                "hpcli context show prod --json | jq .context.servers",
                {},
                context_fields,
                run_show},
    CommandInfo{"context export",
                "[NAME]",
                0,
                1,
                Scope::offline,
                "The same, to be imported",
                "hpcli context export prod > prod.json",
                "hpcli context export | ssh host hpcli context import prod -",
                {},
                context_fields,
                run_show},
    CommandInfo{"context import", "NAME FILE", 2, 2, Scope::offline, "Store an exported context",
                "hpcli context import prod prod.json",
                "hpcli context import prod prod.json --force", import_options, context_fields,
                run_import},
    CommandInfo{"context edit",
                "[NAME]",
                0,
                1,
                Scope::offline,
                "Change a context in $VISUAL or $EDITOR; checked before it is stored",
                "hpcli context edit",
                "EDITOR=nano hpcli context edit prod",
                {},
                context_fields,
                run_edit},
    CommandInfo{"context rm",
                "NAME",
                1,
                1,
                Scope::offline,
                "Remove a context",
                "hpcli context rm old",
                "hpcli context rm old --yes",
                {},
                "ok:bool name:text",
                run_rm},
};

} // namespace

Commands context_commands() {
    return context_table;
}

} // namespace hp::cli
