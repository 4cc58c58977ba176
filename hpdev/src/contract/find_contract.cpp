// SPDX-License-Identifier: Apache-2.0
#include "contract/find_contract.hpp"

#include "project/project.hpp"

namespace hp::dev {
namespace {

namespace fs = std::filesystem;
using cli::ErrorId;
using cli::Failure;

Failure source_failure(const Error& error) {
    const bool missing = error.code == Errc::not_found;
    return {missing ? ErrorId::file_not_found : ErrorId::bad_file, error.context};
}

tl::expected<ContractSource, Failure> find_bundle(const cli::Args& args) {
    fs::path directory = args.options.text("bundle").value_or("");
    if (directory.empty()) {
        const auto project = load_project(args);
        if (!project) {
            return tl::unexpected(project.error());
        }
        directory = project->bundle_directory();
        std::error_code error;
        if (!fs::exists(directory, error)) {
            return cli::failure(ErrorId::file_not_found,
                                "the project has no bundle yet: " + directory.string(),
                                "hpdev build makes it");
        }
    }
    auto bundle = open_bundle(directory);
    return bundle ? tl::expected<ContractSource, Failure>(std::move(*bundle))
                  : tl::unexpected(source_failure(bundle.err()));
}

} // namespace

tl::expected<ContractSource, Failure> find_contract(const cli::Args& args) {
    const auto state = args.options.text("state");
    if (!state) {
        return find_bundle(args);
    }
    std::optional<ContractSource> program;
    if (args.options.has("bundle")) {
        auto bundle = find_bundle(args);
        if (!bundle) {
            return bundle;
        }
        program = std::move(*bundle);
    }
    auto source = open_state(*state, program);
    if (source) {
        return std::move(*source);
    }
    Failure failure = source_failure(source.err());
    failure.hint = "--bundle DIR names a bundle whose program is to be run on it";
    return tl::unexpected(std::move(failure));
}

Failure machine_failure(const Error& error) {
    return {error.code == Errc::unsupported ? ErrorId::tool_missing : ErrorId::failed,
            error.context};
}

} // namespace hp::dev
