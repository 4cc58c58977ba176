// SPDX-License-Identifier: Apache-2.0
// A contract's project: the folder with an hpdev.toml, and what that file says. Read strictly:
// unknown keys are mistakes, and all mistakes are shown at once. Blocking file work; values.
#pragma once

#include "cli/args.hpp"
#include "cli/options.hpp"

#include <filesystem>

namespace hp::dev {

inline constexpr std::string_view project_file_name = "hpdev.toml";

enum class Language : std::uint8_t { c, cpp, js, other };
std::string_view to_string(Language language);
std::string_view title_of(Language language); // "C++"

// `from`, a file or folder of the project, lies in the state under the name `to`.
struct BundleItem {
    std::filesystem::path from; // relative to the project
    std::filesystem::path to;   // relative to the state
};

struct Project {
    std::filesystem::path root; // absolute
    std::string name;
    Language language = Language::other;

    struct Build {
        std::vector<std::string> commands; // for /bin/sh, in the project's folder, in this order
        std::string output;                // folder that "build --clean" removes; may be empty
    } build;

    struct Bundle {
        std::vector<BundleItem> files;
        std::string bin_path; // in the state, absolute, or a program to be looked up in $PATH
        std::string bin_args;
    } bundle;

    // What a cluster of this project begins with. 0: not said, so hp.cfg.override may say it.
    struct Cluster {
        std::int64_t nodes = 3;
        std::int64_t roundtime_ms = 0;
        std::int64_t threshold_percent = 0;
    } cluster;

    struct Test {
        std::string cases = "tests";       // folder of the *.hpt.toml files
        std::vector<std::string> commands; // unit tests, for /bin/sh
    } test;

    std::filesystem::path work() const { return root / ".hp"; }
    std::filesystem::path bundle_directory() const { return work() / "bundle"; }
};

// [a-z][a-z0-9_-]*, at most 64 characters.
bool is_project_name(std::string_view name);
// The name as C, CMake and JavaScript know it: dashes become underscores.
std::string identifier_of(std::string_view name);

cli::Parsed<Project> parse_project(std::string_view text, const std::filesystem::path& root);

// The nearest folder from `start` upwards with an hpdev.toml, but not beyond a git work tree.
// Absent when there is none.
std::optional<std::filesystem::path> find_project_root(const std::filesystem::path& start);

// The folder that -C/--directory names, or the current one.
cli::Parsed<std::filesystem::path> start_directory(const cli::Args& args);
// The project there; HPE-9006 when there is none.
cli::Parsed<Project> load_project(const cli::Args& args);
cli::Parsed<Project> load_project_at(const std::filesystem::path& root);

// Makes .hp with what keeps it out of version control and backups.
cli::Parsed<std::filesystem::path> make_work_directory(const std::filesystem::path& root);

} // namespace hp::dev
