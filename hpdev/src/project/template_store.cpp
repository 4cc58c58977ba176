// SPDX-License-Identifier: Apache-2.0
#include "project/template_store.hpp"

#include "project/embedded.hpp"
#include "project/toml_reader.hpp"

#include <cstdlib>

namespace hp::dev {
namespace {

namespace fs = std::filesystem;
using cli::ErrorId;
using cli::failure;
using cli::Parsed;

constexpr std::string_view common_name = "common"; // what all projects share
constexpr std::string_view manifest_name = "template.toml";
constexpr std::array template_languages = {Language::c, Language::cpp, Language::js};

TreeFile make_file(std::string_view content) {
    return {to_bytes(content), content.starts_with("#!")};
}

std::map<std::string, FileTree> embedded_by_template() {
    std::map<std::string, FileTree> out;
    for (const EmbeddedFile& file : embedded_templates()) {
        const std::size_t slash = file.path.find('/');
        out[std::string(file.path.substr(0, slash))][std::string(file.path.substr(slash + 1))] =
            make_file(file.content);
    }
    return out;
}

Parsed<void> read_manifest(Template& out) {
    const auto manifest = out.files.find(std::string(manifest_name));
    const std::string where =
        (out.folder.empty() ? fs::path(out.name) : out.folder) / manifest_name;
    if (manifest == out.files.end()) {
        return failure(ErrorId::bad_file, "there is no " + where);
    }
    auto table = parse_toml(as_text(manifest->second.content), where);
    if (!table) {
        return tl::unexpected(std::move(table.error()));
    }
    TomlProblems problems(where);
    TomlReader reader(*table, "the file", problems);
    reader.require("summary");
    reader.text("summary", out.summary);
    reader.text("teaches", out.teaches);
    reader.finish();
    if (!problems.empty()) {
        return tl::unexpected(problems.failure());
    }
    for (const Language language : template_languages) {
        const std::string head = std::string(to_string(language)) + "/";
        if (std::ranges::any_of(
                out.files, [&head](const auto& file) { return file.first.starts_with(head); })) {
            out.languages.push_back(language);
        }
    }
    return {};
}

Parsed<void> add_user_templates(std::vector<Template>& out) {
    std::error_code error;
    for (fs::directory_iterator at(user_template_folder(), error), end; !error && at != end;
         at.increment(error)) {
        Template one;
        one.name = at->path().filename().string();
        one.folder = at->path();
        if (!is_project_name(one.name) || !fs::is_directory(at->path(), error)) {
            continue;
        }
        auto added = add_to_tree(one.files, one.folder, "");
        if (added) {
            added = read_manifest(one);
        }
        if (!added) {
            return added;
        }
        std::erase_if(out, [&one](const Template& other) { return other.name == one.name; });
        out.push_back(std::move(one));
    }
    return {};
}

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
    std::string out;
    for (std::size_t found = text.find(from); found != std::string_view::npos;
         found = text.find(from)) {
        out += text.substr(0, found);
        out += to;
        text.remove_prefix(found + from.size());
    }
    return out += text;
}

std::string fill_in(std::string_view text, std::string_view name) {
    return replace_all(replace_all(text, "{{name}}", name), "{{ident}}", identifier_of(name));
}

// "_gitignore" -> ".gitignore", in any folder.
std::string written_name(std::string_view stored) {
    std::string out(stored);
    for (std::size_t i = 0; i < out.size(); ++i) {
        if (out[i] == '_' && (i == 0 || out[i - 1] == '/')) {
            out[i] = '.';
        }
    }
    return out;
}

void lay_over(FileTree& out, const FileTree& stored, const std::string& folder,
              std::string_view name) {
    for (const auto& [path, file] : stored) {
        if (!path.starts_with(folder + "/")) {
            continue;
        }
        const std::string to = fill_in(written_name(path.substr(folder.size() + 1)), name);
        out[to] = TreeFile{to_bytes(fill_in(as_text(file.content), name)), file.executable};
    }
}

} // namespace

fs::path user_template_folder() {
    const char* data = ::getenv("XDG_DATA_HOME");
    if (data != nullptr && fs::path(data).is_absolute()) {
        return fs::path(data) / "hotpocket" / "templates";
    }
    const char* home = ::getenv("HOME");
    return fs::path(home == nullptr ? "/" : home) / ".local/share/hotpocket/templates";
}

Parsed<std::vector<Template>> load_templates() {
    std::vector<Template> out;
    for (auto& [name, files] : embedded_by_template()) {
        if (name == common_name) {
            continue;
        }
        Template one;
        one.name = name;
        one.files = std::move(files);
        if (auto read = read_manifest(one); !read) {
            return tl::unexpected(std::move(read.error()));
        }
        out.push_back(std::move(one));
    }
    if (auto added = add_user_templates(out); !added) {
        return tl::unexpected(std::move(added.error()));
    }
    std::ranges::sort(out, {}, &Template::name);
    return out;
}

Parsed<TemplateChoice> find_template(std::string_view name) {
    auto all = load_templates();
    if (!all) {
        return tl::unexpected(std::move(all.error()));
    }
    std::vector<std::string> known;
    for (Template& one : *all) {
        known.push_back(one.name);
        if (name == one.name || name == one.name + "-contract") {
            return TemplateChoice{std::move(one), std::nullopt};
        }
        for (const Language language : one.languages) {
            if (name == one.name + "-" + std::string(to_string(language))) {
                return TemplateChoice{std::move(one), language};
            }
        }
    }
    return failure(ErrorId::no_template,
                   "there is no template \"" + std::string(name) + "\"" + did_you_mean(name, known),
                   "hpdev templates list");
}

FileTree instantiate(const Template& from, Language language, std::string_view project_name) {
    const std::string own(to_string(language));
    const FileTree common = embedded_by_template()[std::string(common_name)];
    FileTree out;
    lay_over(out, common, "all", project_name);
    lay_over(out, common, own, project_name);
    lay_over(out, from.files, "all", project_name);
    lay_over(out, from.files, own, project_name);
    return out;
}

} // namespace hp::dev
