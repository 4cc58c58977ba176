// SPDX-License-Identifier: Apache-2.0
// New projects and the templates they are made of.
#include "cli/json_writer.hpp"
#include "cli/output.hpp"
#include "cli/text_table.hpp"
#include "commands.hpp"
#include "project/create.hpp"

#include <array>

namespace hp::dev {
namespace {

namespace fs = std::filesystem;
using cli::Answer;
using cli::Args;
using cli::CommandInfo;
using cli::ErrorId;
using cli::failure;
using cli::JsonArray;
using cli::JsonObject;
using cli::OptionInfo;
using cli::Outcome;
using cli::Parsed;
using cli::Scope;

JsonArray json_list(const std::vector<std::string>& texts) {
    JsonArray out;
    for (const std::string& text : texts) {
        out.add(text);
    }
    return out;
}

Parsed<NewProject> read_options(const Args& args, const std::string& default_folder) {
    NewProject out;
    cli::OptionReader reader(args);
    std::string folder = default_folder;
    reader.text("template", out.template_name).text("dir", folder);
    reader.take("lang", "c, cpp or js", parse_language, out.language);
    out.settings = args.options.all("set");
    out.git = !reader.flag("no-git");
    out.dry_run = reader.flag("dry-run");
    out.force = reader.flag("force");
    std::error_code error;
    out.folder = fs::weakly_canonical(fs::absolute(folder, error), error);
    if (error) {
        return failure(ErrorId::usage, folder + ": " + error.message());
    }
    return reader.done(std::move(out));
}

std::string next_steps(const CreatedProject& made) {
    std::error_code error;
    const fs::path here = fs::current_path(error);
    const std::string go = made.folder == here
                               ? std::string()
                               : "cd " + fs::relative(made.folder, here, error).string() + " && ";
    return "  next:  " + go + "hpdev dev\n";
}

Outcome create_answer(const Args& args, const NewProject& wanted) {
    const auto made = create_project(wanted);
    if (!made) {
        return tl::unexpected(made.error());
    }
    if (args.json) {
        JsonObject out = cli::document(args.schema);
        out.add("name", wanted.name).add("template", made->template_name);
        out.add("lang", to_string(made->language)).add("path", made->folder.string());
        out.add("files", json_list(made->files)).add("kept", json_list(made->kept));
        out.add("git", made->git).add("dry_run", wanted.dry_run);
        return Answer{out.text() + "\n"};
    }
    std::string text = (wanted.dry_run ? "would create " : "created ") + made->folder.string() +
                       "/  (" + made->template_name + ", " + std::string(title_of(made->language)) +
                       ")\n";
    for (const std::string& name : made->files) {
        text += "  " + name + "\n";
    }
    for (const std::string& name : made->kept) {
        text += "  " + name + "  (kept as it was)\n";
    }
    return Answer{text + (wanted.dry_run ? "" : next_steps(*made))};
}

Outcome run_new(const Args& args) {
    auto wanted = read_options(args, args.arguments.front());
    if (!wanted) {
        return tl::unexpected(std::move(wanted.error()));
    }
    wanted->name = args.arguments.front();
    return create_answer(args, *wanted);
}

// What a folder's name can become as a project's: "My App" -> "my-app".
std::string name_for(const fs::path& folder) {
    std::string out;
    for (const char c : folder.filename().string()) {
        const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        out += is_project_name("a" + std::string(1, lower)) ? lower : '-';
    }
    return out;
}

Outcome run_init(const Args& args) {
    auto wanted = read_options(args, ".");
    if (!wanted) {
        return tl::unexpected(std::move(wanted.error()));
    }
    if (!args.options.has("template")) {
        wanted->template_name = "blank";
    }
    wanted->keep_own = true;
    wanted->name = args.arguments.empty() ? name_for(wanted->folder) : args.arguments.front();
    std::error_code error;
    if (!fs::is_directory(wanted->folder, error)) {
        return failure(ErrorId::file_not_found, "there is no folder " + wanted->folder.string(),
                       "hpdev new makes one");
    }
    return create_answer(args, *wanted);
}

std::vector<std::string> language_words(const Template& one) {
    std::vector<std::string> out;
    for (const Language language : one.languages) {
        out.emplace_back(to_string(language));
    }
    return out;
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) {
        out += (out.empty() ? "" : " ") + word;
    }
    return out;
}

JsonObject to_json(const Template& one) {
    JsonObject out;
    out.add("name", one.name).add("languages", json_list(language_words(one)));
    out.add("summary", one.summary).add("teaches", one.teaches);
    out.add("own", !one.folder.empty());
    return out;
}

Outcome list_for(const Args& args, const std::optional<Language>& wanted) {
    const auto all = load_templates();
    if (!all) {
        return tl::unexpected(all.error());
    }
    cli::TextTable table({"TEMPLATE", "LANGUAGES", "THE CONTRACT"});
    JsonArray list;
    for (const Template& one : *all) {
        if (!wanted || one.has(*wanted)) {
            table.add({one.name, joined(language_words(one)), one.summary});
            list.add_raw(to_json(one).text());
        }
    }
    if (!args.json) {
        return Answer{table.text()};
    }
    return Answer{cli::document(args.schema).add("templates", list).text() + "\n"};
}

Outcome run_list(const Args& args) {
    std::optional<Language> wanted;
    auto read =
        cli::OptionReader(args).take("lang", "c, cpp or js", parse_language, wanted).done(0);
    return read ? list_for(args, wanted) : tl::unexpected(std::move(read.error()));
}

// --- hpdevkit's verbs ----------------------------------------------------------------------------

Parsed<Language> read_platform(const std::string& text) {
    const auto out = parse_language(text);
    return out ? Parsed<Language>(*out)
               : failure(ErrorId::usage, "there is no platform \"" + text + "\"",
                         "nodejs, c or cpp");
}

Outcome run_platform_list(const Args& args) {
    if (args.arguments.empty()) {
        return list_for(args, std::nullopt);
    }
    const auto platform = read_platform(args.arguments.front());
    return platform ? list_for(args, *platform) : tl::unexpected(platform.error());
}

// PLATFORM TYPE NAME; the kit's names of types are understood by find_template.
Outcome run_gen(const Args& args) {
    const auto platform = read_platform(args.arguments[0]);
    if (!platform) {
        return tl::unexpected(platform.error());
    }
    auto wanted = read_options(args, args.arguments[2]);
    if (!wanted) {
        return tl::unexpected(std::move(wanted.error()));
    }
    wanted->language = *platform;
    wanted->template_name = args.arguments[1];
    wanted->name = args.arguments[2];
    wanted->git = false; // as there
    return create_answer(args, *wanted);
}

Outcome run_show(const Args& args) {
    const auto choice = find_template(args.arguments.front());
    if (!choice) {
        return tl::unexpected(choice.error());
    }
    const Template& one = choice->chosen;
    JsonArray projects;
    std::string text = one.name + ": " + one.summary + "\nteaches: " + one.teaches + "\n";
    for (const Language language : one.languages) {
        std::vector<std::string> files;
        for (const auto& [name, file] : instantiate(one, language, "name")) {
            files.push_back(name);
        }
        projects.add_raw(
            JsonObject().add("lang", to_string(language)).add("files", json_list(files)).text());
        text += std::string(title_of(language)) + ":\n  " + joined(files) + "\n";
    }
    if (!args.json) {
        return Answer{text};
    }
    JsonObject out = cli::document(args.schema);
    out.add("name", one.name).add("languages", json_list(language_words(one)));
    out.add("summary", one.summary).add("teaches", one.teaches);
    out.add("own", !one.folder.empty()).add("projects", projects);
    return Answer{out.text() + "\n"};
}

Outcome run_path(const Args& args) {
    const std::string path = user_template_folder().string();
    return Answer{args.json ? cli::document(args.schema).add("path", path).text() + "\n"
                            : path + "\n"};
}

constexpr std::array new_options = {
    OptionInfo{"-t,--template", "TEMPLATE", "what it begins as (default: starter)"},
    OptionInfo{"--lang", "LANGUAGE", "c, cpp or js (default: cpp, where the template has it)"},
    OptionInfo{"--dir", "DIR", "the project's folder (default: one of the project's name)"},
    OptionInfo{"--set", "KEY=VALUE...", "change hpdev.toml, for example cluster.nodes=5"},
    OptionInfo{"--no-git", "", "make no git repository"},
    OptionInfo{"--dry-run", "", "only say which files there would be"},
    OptionInfo{"--force", "", "write into a folder that has files; same names are replaced"},
};

constexpr std::array init_options = {
    OptionInfo{"-t,--template", "TEMPLATE", "what it gets (default: blank)"},
    new_options[1],
    OptionInfo{"--dir", "DIR", "the folder (default: this one)"},
    new_options[3],
    new_options[4],
    new_options[5],
    OptionInfo{"--force", "", "replace files of the same names instead of keeping them"},
};

constexpr std::array gen_options = {new_options[2], new_options[3], new_options[5], new_options[6]};

constexpr std::array list_options = {
    OptionInfo{"--lang", "LANGUAGE", "those there are in c, cpp or js"},
};

constexpr std::string_view create_fields =
    "ok:bool name:text template:text lang:c|cpp|js path:text files:[text] kept:[text] git:bool "
    "dry_run:bool";

constexpr std::string_view list_fields =
    "ok:bool templates:[{name:text languages:[c|cpp|js] summary:text teaches:text own:bool}]";

constexpr std::array new_table = {
    CommandInfo{"new", "NAME", 1, 1, Scope::offline, "Make a project of a template",
                "hpdev new tally", "hpdev new dice -t npl --lang js --set cluster.nodes=5",
                new_options, create_fields, run_new},
    CommandInfo{"init", "[NAME]", 0, 1, Scope::offline,
                "Make a project of a folder that has files already; they are kept", "hpdev init",
                "hpdev init tally --lang js --dry-run", init_options, create_fields, run_init},
    CommandInfo{"gen", "PLATFORM TYPE NAME", 3, 3, Scope::offline,
                "The same as new, with the words of hpdevkit (nodejs, c or cpp)",
                "hpdev gen nodejs starter-contract tally", "hpdev gen cpp blank tally --dry-run",
                gen_options, create_fields, run_gen},
    CommandInfo{"list",
                "[PLATFORM]",
                0,
                1,
                Scope::offline,
                "The same as templates list (hpdevkit's word)",
                "hpdev list nodejs",
                "hpdev list --json | jq -r '.templates[].name'",
                {},
                list_fields,
                run_platform_list},
    CommandInfo{"templates list", "", 0, 0, Scope::offline, "List the templates",
                "hpdev templates list",
                "hpdev templates list --lang js --json | jq -r '.templates[].name'", list_options,
                list_fields, run_list},
    CommandInfo{"templates show",
                "TEMPLATE",
                1,
                1,
                Scope::offline,
                "Say what a template teaches and which files it has",
                "hpdev templates show npl",
                "hpdev templates show starter --json | jq -r '.projects[0].files[]'",
                {},
                "ok:bool name:text languages:[c|cpp|js] summary:text teaches:text own:bool "
                "projects:[{lang:c|cpp|js files:[text]}]",
                run_show},
    CommandInfo{"templates path",
                "",
                0,
                0,
                Scope::offline,
                "Print the folder in which your own templates are looked for",
                "hpdev templates path",
                "ls \"$(hpdev templates path)\"",
                {},
                "ok:bool path:text",
                run_path},
};

} // namespace

cli::Commands new_commands() {
    return new_table;
}

} // namespace hp::dev
