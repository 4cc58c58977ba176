// SPDX-License-Identifier: Apache-2.0
#include "project/build.hpp"

#include "project/toolkit.hpp"

#include <csignal>
#include <cstdlib>

namespace hp::dev {
namespace {

namespace fs = std::filesystem;
using cli::ErrorId;
using cli::failure;
using cli::Parsed;

bool commands_mention(const Project& project, std::string_view name) {
    return std::ranges::any_of(project.build.commands, [name](const std::string& command) {
        return command.find(name) != std::string::npos;
    });
}

// To tell it from the others.
std::string shortened(const std::string& command) {
    constexpr std::size_t shown = 60;
    return command.size() <= shown ? command : command.substr(0, shown - 3) + "...";
}

// An option that the project's commands cannot see would silently do nothing.
Parsed<void> check_options(const Project& project, const BuildOptions& options) {
    for (const auto& [wanted, option, variable] :
         {std::tuple(options.release, "--release", "HP_BUILD_TYPE"),
          std::tuple(!options.sanitize.empty(), "--sanitize", "HP_SANITIZE")}) {
        if (wanted && !commands_mention(project, variable)) {
            return failure(ErrorId::usage, std::string(option) + " has no meaning for this project",
                           "its build commands do not use $" + std::string(variable));
        }
    }
    return {};
}

Parsed<void> clean(const Project& project) {
    std::error_code error;
    if (!project.build.output.empty()) {
        fs::remove_all(project.root / project.build.output, error);
    }
    if (!error) {
        fs::remove_all(project.bundle_directory(), error);
    }
    if (error) {
        return failure(ErrorId::failed, "cannot remove what was built: " + error.message());
    }
    return {};
}

} // namespace

std::vector<EnvironmentVariable> build_environment(const Project& project,
                                                   const BuildOptions& options) {
    const bool debug = options.fast || !options.sanitize.empty();
    const std::string type = options.release ? "Release" : debug ? "Debug" : "RelWithDebInfo";
    std::vector<EnvironmentVariable> out = {{"HP_BUILD_DIR", project.build.output},
                                            {"HP_BUILD_TYPE", type},
                                            {"HP_SANITIZE", options.sanitize}};
    // What the user says comes first. Ninja needs half of make's time to see that nothing changed.
    if (::getenv("CMAKE_GENERATOR") == nullptr && find_in_path("ninja")) {
        out.push_back({"CMAKE_GENERATOR", "Ninja"});
    }
    const auto package = find_cmake_package(); // the SDK that belongs to this program
    if (package && ::getenv("HotPocket_DIR") == nullptr) {
        out.push_back({"HotPocket_DIR", package->string()});
    }
    return out;
}

Parsed<Bundle> build_project(const Project& project, const BuildOptions& options) {
    if (auto fits = check_options(project, options); !fits) {
        return tl::unexpected(std::move(fits.error()));
    }
    if (options.clean) {
        if (auto cleaned = clean(project); !cleaned) {
            return tl::unexpected(std::move(cleaned.error()));
        }
    }
    const auto environment = build_environment(project, options);
    for (const std::string& command : project.build.commands) {
        const auto code = run_shell(project.root, command, environment);
        if (!code) {
            return tl::unexpected(code.error());
        }
        if (*code == 128 + SIGINT) {
            return tl::unexpected(cli::silent(cli::exit_interrupted));
        }
        if (*code != 0) {
            cli::Failure out{ErrorId::build_failed,
                             "\"" + shortened(command) + "\" ended with " + std::to_string(*code)};
            out.hint = *code == 127 ? "is it installed?" : "what it said is above";
            return tl::unexpected(std::move(out));
        }
    }
    return make_bundle(project);
}

} // namespace hp::dev
