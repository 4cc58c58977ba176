// SPDX-License-Identifier: Apache-2.0
#include "contract/test_files.hpp"

#include "project/project.hpp"

#include <algorithm>

namespace hp::dev {
namespace {

namespace fs = std::filesystem;
using cli::ErrorId;
using cli::Failure;

constexpr std::string_view case_ending = ".hpt.toml";

bool is_case_file(const fs::path& path) {
    return path.filename().string().ends_with(case_ending);
}

bool is_script(const fs::path& path) {
    return path.extension() == ".hps";
}

std::vector<fs::path> files_below(const fs::path& folder) {
    std::vector<fs::path> out;
    std::error_code error;
    for (auto at = fs::recursive_directory_iterator(folder, error);
         !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
        if (is_case_file(at->path())) {
            out.push_back(at->path());
        }
    }
    std::ranges::sort(out);
    return out;
}

tl::expected<std::vector<fs::path>, Failure> list_files(const cli::Args& args) {
    std::vector<fs::path> places(args.arguments.begin(), args.arguments.end());
    if (places.empty()) {
        const auto project = load_project(args);
        if (!project) {
            return tl::unexpected(project.error());
        }
        places.push_back(project->root / project->test.cases);
    }
    std::vector<fs::path> out;
    for (const fs::path& place : places) {
        std::error_code error;
        if (fs::is_directory(place, error)) {
            const auto found = files_below(place);
            out.insert(out.end(), found.begin(), found.end());
        } else if (is_case_file(place)) {
            out.push_back(place);
        } else if (!is_script(place)) {
            return cli::failure(ErrorId::usage, place.string() + " is neither a folder nor a file "
                                                                 "of test cases (*.hpt.toml)");
        }
    }
    return out;
}

} // namespace

std::vector<fs::path> named_scripts(const cli::Args& args) {
    std::vector<fs::path> out;
    std::ranges::copy_if(args.arguments, std::back_inserter(out), is_script);
    return out;
}

std::string title_of(const TestCase& test) {
    std::error_code error;
    const fs::path file = fs::proximate(test.file, error);
    return (error ? test.file : file).string() + ": " + test.name;
}

tl::expected<std::vector<TestCase>, Failure> find_test_cases(const cli::Args& args,
                                                             const std::string& filter) {
    const auto files = list_files(args);
    if (!files) {
        return tl::unexpected(files.error());
    }
    std::vector<TestCase> out;
    for (const fs::path& file : *files) {
        auto cases = read_test_cases(file);
        if (!cases) {
            return tl::unexpected(std::move(cases.error()));
        }
        for (TestCase& one : *cases) {
            if (title_of(one).find(filter) != std::string::npos) {
                out.push_back(std::move(one));
            }
        }
    }
    return out;
}

} // namespace hp::dev
