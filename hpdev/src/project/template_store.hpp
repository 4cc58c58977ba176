// SPDX-License-Identifier: Apache-2.0
// The templates: those in this program and the user's own, one folder each, in
// $XDG_DATA_HOME/hotpocket/templates. A template has a template.toml, files for every language in
// all/ and files of one language in c/, cpp/ or js/. Names that begin with "_" are written with a
// dot. Blocking file work for the user's own; otherwise constants.
#pragma once

#include "project/file_tree.hpp"
#include "project/project.hpp"

#include <vector>

namespace hp::dev {

struct Template {
    std::string name;
    std::string summary;
    std::string teaches;
    std::vector<Language> languages;
    std::filesystem::path folder; // of a user's own; empty for ours
    FileTree files;               // as stored: "cpp/src/main.cpp"

    bool has(Language language) const {
        return std::ranges::find(languages, language) != languages.end();
    }
};

// Where a user's own templates are looked for.
std::filesystem::path user_template_folder();

// Sorted by name. Fails when one of the user's own cannot be read.
cli::Parsed<std::vector<Template>> load_templates();

// What a name on the command line means: "starter", "starter-cpp" (with the language) or the
// incumbent kit's "starter-contract".
struct TemplateChoice {
    Template chosen;
    std::optional<Language> language;
};
cli::Parsed<TemplateChoice> find_template(std::string_view name);

// The files of a new project, with its name put in. What all projects of a language share comes
// first, then what the template has for every language, then what it has for this one.
FileTree instantiate(const Template& from, Language language, std::string_view project_name);

} // namespace hp::dev
