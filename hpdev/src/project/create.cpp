// SPDX-License-Identifier: Apache-2.0
#include "project/create.hpp"

#include "hp/os/files.hpp"
#include "project/settings.hpp"
#include "project/shell.hpp"

namespace hp::dev {
namespace {

namespace fs = std::filesystem;
using cli::ErrorId;
using cli::failure;
using cli::Parsed;

Parsed<Language> choose_language(const NewProject& wanted, const TemplateChoice& choice) {
    const Template& from = choice.chosen;
    std::string has;
    for (const Language language : from.languages) {
        has += (has.empty() ? "" : ", ") + std::string(to_string(language));
    }
    if (from.languages.empty()) {
        return failure(ErrorId::bad_file, "template " + from.name + " has no folder c, cpp or js");
    }
    if (wanted.language && choice.language && wanted.language != choice.language) {
        return failure(ErrorId::usage, "--template " + wanted.template_name + " and --lang " +
                                           std::string(to_string(*wanted.language)) + " differ");
    }
    const auto asked = wanted.language ? wanted.language : choice.language;
    const Language out = asked                     ? *asked
                         : from.has(Language::cpp) ? Language::cpp
                                                   : from.languages.front();
    if (!from.has(out)) {
        return failure(ErrorId::no_template,
                       "template " + from.name + " is not there in " + std::string(title_of(out)),
                       "it is there in " + has);
    }
    return out;
}

// Puts the settings into hpdev.toml and sees to it that it is still a good one.
Parsed<void> apply_settings(FileTree& files, const NewProject& wanted) {
    TreeFile& file = files[std::string(project_file_name)];
    std::string text(as_text(file.content));
    for (const std::string& setting : wanted.settings) {
        auto changed = change_setting(text, setting);
        if (!changed) {
            return tl::unexpected(std::move(changed.error()));
        }
        text = *std::move(changed);
    }
    auto checked = parse_project(text, wanted.folder);
    if (!checked) {
        checked.error().id = wanted.settings.empty() ? ErrorId::bad_file : ErrorId::usage;
        return tl::unexpected(std::move(checked.error()));
    }
    file.content = to_bytes(text);
    return {};
}

// Sorts out what is there already.
Parsed<void> check_folder(const NewProject& wanted, FileTree& files, CreatedProject& out) {
    std::error_code error;
    if (fs::exists(wanted.folder, error) && !fs::is_directory(wanted.folder, error)) {
        return failure(ErrorId::name_taken, wanted.folder.string() + " is there and no folder");
    }
    if (wanted.force) {
        return {};
    }
    if (wanted.keep_own) {
        for (auto at = files.begin(); at != files.end();) {
            const bool there = fs::exists(wanted.folder / at->first, error);
            if (there && at->first == project_file_name) {
                return failure(ErrorId::name_taken,
                               wanted.folder.string() + " is a project already",
                               "--force replaces its hpdev.toml and the template's files");
            }
            if (there) {
                out.kept.push_back(at->first);
            }
            at = there ? files.erase(at) : std::next(at);
        }
        return {};
    }
    if (fs::is_directory(wanted.folder, error) && !fs::is_empty(wanted.folder, error)) {
        return failure(ErrorId::name_taken, wanted.folder.string() + " is there and not empty",
                       "--force writes into it; hpdev init makes a project of it");
    }
    return {};
}

Parsed<void> write_files(const FileTree& files, const fs::path& folder) {
    for (const auto& [name, file] : files) {
        std::error_code error;
        fs::remove(folder / name, error); // --force
    }
    return write_tree(files, folder);
}

// True when a repository was made: not where there is one already, nor without git.
bool make_repository(const fs::path& folder) {
    for (fs::path at = folder; at != at.parent_path(); at = at.parent_path()) {
        std::error_code error;
        if (fs::exists(at / ".git", error)) {
            return false;
        }
    }
    const auto code = run_in(folder, {"git", "-c", "init.defaultBranch=main", "init", "--quiet"});
    return code && *code == 0;
}

} // namespace

std::optional<Language> parse_language(std::string_view text) {
    if (text == "c") {
        return Language::c;
    }
    if (text == "cpp" || text == "c++") {
        return Language::cpp;
    }
    if (text == "js" || text == "nodejs" || text == "javascript") {
        return Language::js;
    }
    return std::nullopt;
}

Parsed<CreatedProject> create_project(const NewProject& wanted) {
    if (!is_project_name(wanted.name)) {
        return failure(ErrorId::usage, "\"" + wanted.name + "\" cannot be a project's name",
                       "a lowercase letter first, then lowercase letters, digits, dashes and "
                       "underscores");
    }
    const auto choice = find_template(wanted.template_name);
    if (!choice) {
        return tl::unexpected(choice.error());
    }
    const auto language = choose_language(wanted, *choice);
    if (!language) {
        return tl::unexpected(language.error());
    }
    FileTree files = instantiate(choice->chosen, *language, wanted.name);
    CreatedProject out{wanted.folder, choice->chosen.name, *language, {}, {}, false};
    auto done = apply_settings(files, wanted);
    if (done) {
        done = check_folder(wanted, files, out);
    }
    if (done && !wanted.dry_run) {
        done = write_files(files, wanted.folder);
    }
    if (!done) {
        return tl::unexpected(std::move(done.error()));
    }
    for (const auto& [name, file] : files) {
        out.files.push_back(name);
    }
    out.git = wanted.git && !wanted.dry_run && make_repository(wanted.folder);
    return out;
}

} // namespace hp::dev
