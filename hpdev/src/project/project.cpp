// SPDX-License-Identifier: Apache-2.0
#include "project/project.hpp"

#include "hp/os/files.hpp"
#include "project/toml_reader.hpp"

namespace hp::dev {
namespace {

namespace fs = std::filesystem;
using cli::ErrorId;
using cli::failure;
using cli::Parsed;

// hpdev.toml is written by hand.
constexpr std::size_t project_file_bytes_max = 256 * 1024;
constexpr std::size_t name_bytes_max = 64;

constexpr std::array languages = {
    std::pair{Language::c, std::pair{"c", "C"}},
    std::pair{Language::cpp, std::pair{"cpp", "C++"}},
    std::pair{Language::js, std::pair{"js", "NodeJS"}},
    std::pair{Language::other, std::pair{"other", "any language"}},
};

// A path that stays inside the folder it is relative to.
bool stays_inside(const fs::path& path) {
    if (path.empty() || path.is_absolute()) {
        return false;
    }
    return std::ranges::none_of(path, [](const fs::path& part) { return part == ".."; });
}

void read_build(TomlReader build, Project& out) {
    build.texts("commands", out.build.commands);
    if (build.text("output", out.build.output) &&
        (!stays_inside(out.build.output) || fs::path(out.build.output).lexically_normal() == ".")) {
        build.problem("\"output\" must be a folder inside the project: \"build --clean\" "
                      "removes it");
    }
    build.finish();
}

void check_item(TomlReader& bundle, const toml::node& at, BundleItem item, Project& out) {
    item.to = item.to.lexically_normal();
    if (!item.to.has_filename()) { // "data/" is the folder "data"
        item.to = item.to.parent_path();
    }
    if (!stays_inside(item.to) || item.to == ".") {
        bundle.problem(at, "\"" + item.to.string() + "\" is no name in the state");
        return;
    }
    out.bundle.files.push_back(std::move(item));
}

fs::path last_name(const fs::path& path) {
    return path.has_filename() ? path.filename() : path.parent_path().filename();
}

void read_bundle(TomlReader bundle, TomlProblems& problems, Project& out) {
    const toml::node* files = bundle.any("files");
    const toml::array* list = files == nullptr ? nullptr : files->as_array();
    if (files != nullptr && list == nullptr) {
        bundle.problem(*files, "\"files\" must be a list of paths");
    }
    for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
        const toml::node& item = *list->get(i);
        if (const auto path = item.value_exact<std::string>()) {
            check_item(bundle, item, {*path, last_name(*path)}, out);
        } else if (const toml::table* both = item.as_table()) {
            TomlReader reader(*both, "an item of \"files\"", problems);
            std::string from;
            std::string to;
            reader.require("from");
            reader.text("from", from);
            if (!reader.text("to", to)) {
                to = last_name(from).string();
            }
            reader.finish();
            if (!from.empty()) {
                check_item(bundle, item, {from, to}, out);
            }
        } else {
            bundle.problem(item, "an item of \"files\" is a path or { from = ..., to = ... }");
        }
    }
    bundle.require("bin_path");
    if (bundle.text("bin_path", out.bundle.bin_path) && out.bundle.bin_path.empty()) {
        bundle.problem("\"bin_path\" must name the contract's program");
    }
    bundle.text("bin_args", out.bundle.bin_args);
    bundle.finish();
}

void read_cluster(TomlReader cluster, Project& out) {
    constexpr std::int64_t nodes_max = 64; // of one machine
    constexpr std::int64_t roundtime_ms_max = 3'600'000;
    cluster.number("nodes", 1, nodes_max, out.cluster.nodes);
    if (cluster.duration_ms("roundtime", out.cluster.roundtime_ms) &&
        out.cluster.roundtime_ms > roundtime_ms_max) {
        cluster.problem("\"roundtime\" is an hour at most");
    }
    cluster.number("threshold", 1, 100, out.cluster.threshold_percent);
    cluster.finish();
}

void read_test(TomlReader test, Project& out) {
    if (test.text("cases", out.test.cases) && !stays_inside(out.test.cases)) {
        test.problem("\"cases\" must be a folder inside the project");
    }
    test.texts("commands", out.test.commands);
    test.finish();
}

void read_top(TomlReader top, TomlProblems& problems, Project& out) {
    top.require("name");
    if (top.text("name", out.name) && !is_project_name(out.name)) {
        top.problem("\"name\" must begin with a letter and have lowercase letters, digits, "
                    "dashes and underscores only");
    }
    std::string language;
    std::vector<std::string> words;
    for (const auto& [value, names] : languages) {
        words.emplace_back(names.first);
    }
    if (top.one_of("lang", words, language)) {
        for (const auto& [value, names] : languages) {
            out.language = language == names.first ? value : out.language;
        }
    }
    if (auto build = top.table("build")) {
        read_build(std::move(*build), out);
    }
    top.require("bundle");
    if (auto bundle = top.table("bundle")) {
        read_bundle(std::move(*bundle), problems, out);
    }
    if (auto cluster = top.table("cluster")) {
        read_cluster(std::move(*cluster), out);
    }
    if (auto test = top.table("test")) {
        read_test(std::move(*test), out);
    }
    top.finish();
}

} // namespace

std::string_view to_string(Language language) {
    return languages[static_cast<std::size_t>(language)].second.first;
}

std::string_view title_of(Language language) {
    return languages[static_cast<std::size_t>(language)].second.second;
}

bool is_project_name(std::string_view name) {
    const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
    return !name.empty() && name.size() <= name_bytes_max && lower(name.front()) &&
           std::ranges::all_of(name, [lower](char c) {
               return lower(c) || (c >= '0' && c <= '9') || c == '_' || c == '-';
           });
}

std::string identifier_of(std::string_view name) {
    std::string out(name);
    std::ranges::replace(out, '-', '_');
    return out;
}

Parsed<Project> parse_project(std::string_view text, const fs::path& root) {
    const std::string file = (root / project_file_name).string();
    auto table = parse_toml(text, file);
    if (!table) {
        return tl::unexpected(std::move(table.error()));
    }
    Project out;
    out.root = root;
    TomlProblems problems(file);
    read_top(TomlReader(*table, "the file", problems), problems, out);
    if (!problems.empty()) {
        return tl::unexpected(problems.failure());
    }
    return out;
}

std::optional<fs::path> find_project_root(const fs::path& start) {
    for (fs::path at = start;; at = at.parent_path()) {
        std::error_code error;
        if (fs::is_regular_file(at / project_file_name, error)) {
            return at;
        }
        if (fs::exists(at / ".git", error) || at == at.parent_path()) {
            return std::nullopt;
        }
    }
}

Parsed<fs::path> start_directory(const cli::Args& args) {
    const auto given = args.shared.text("directory");
    std::error_code error;
    fs::path out = fs::canonical(given.value_or("."), error);
    if (error || !fs::is_directory(out, error)) {
        return failure(ErrorId::file_not_found,
                       "there is no folder " + given.value_or("here any more"));
    }
    return out;
}

Parsed<Project> load_project_at(const fs::path& root) {
    const auto text = os::read_file(root / project_file_name, project_file_bytes_max);
    if (!text) {
        return failure(ErrorId::bad_file, text.err().context);
    }
    return parse_project(as_text(*text), root);
}

Parsed<Project> load_project(const cli::Args& args) {
    auto start = start_directory(args);
    if (!start) {
        return tl::unexpected(std::move(start.error()));
    }
    const auto root = find_project_root(*start);
    if (!root) {
        return failure(ErrorId::no_project,
                       "no " + std::string(project_file_name) + " in " + start->string() +
                           " or above it",
                       "hpdev new NAME makes a project, hpdev init makes one of this folder");
    }
    return load_project_at(*root);
}

Parsed<fs::path> make_work_directory(const fs::path& root) {
    const fs::path work = root / ".hp";
    std::error_code error;
    if (fs::is_directory(work, error)) {
        return work;
    }
    constexpr std::string_view ignore = "*\n";
    constexpr std::string_view tag = "Signature: 8a477f597d28d172789f06886806bc55\n"
                                     "# Made by hpdev: clusters, bundles, logs.\n";
    auto made = os::make_directories(work);
    if (made) {
        made = os::replace_file(work / ".gitignore", as_bytes(ignore), 0644);
    }
    if (made) {
        made = os::replace_file(work / "CACHEDIR.TAG", as_bytes(tag), 0644);
    }
    if (!made) {
        return failure(ErrorId::failed, made.err().context);
    }
    return work;
}

} // namespace hp::dev
