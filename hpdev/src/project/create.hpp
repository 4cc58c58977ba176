// SPDX-License-Identifier: Apache-2.0
// Makes a project of a template. Everything is checked before the first file is written. Blocking.
#pragma once

#include "project/template_store.hpp"

namespace hp::dev {

struct NewProject {
    std::string name;
    std::string template_name = "starter";
    std::optional<Language> language;  // absent: C++, or the only one there is
    std::filesystem::path folder;      // absolute
    std::vector<std::string> settings; // "cluster.nodes=5": changes of hpdev.toml
    bool git = true;
    bool dry_run = false;
    bool force = false;    // files that are there are replaced
    bool keep_own = false; // files that are there are kept (init)
};

struct CreatedProject {
    std::filesystem::path folder;
    std::string template_name;
    Language language = Language::cpp;
    std::vector<std::string> files; // written, or to be written
    std::vector<std::string> kept;
    bool git = false; // a repository was made
};

cli::Parsed<CreatedProject> create_project(const NewProject& wanted);

// "cpp", "js" and what others call them: "nodejs", "c++".
std::optional<Language> parse_language(std::string_view text);

} // namespace hp::dev
