// SPDX-License-Identifier: Apache-2.0
// From the command line to the contract that is meant: --bundle, --state, or the project of the
// current folder. Blocking.
#pragma once

#include "cli/args.hpp"
#include "contract/bundle.hpp"

namespace hp::dev {

// The folder with hpdev.toml: that of -C or the current one, or the nearest above it.
tl::expected<std::filesystem::path, cli::Failure> find_project(const cli::Args& args);

tl::expected<ContractSource, cli::Failure> find_contract(const cli::Args& args);

// Where its test cases lie.
tl::expected<std::filesystem::path, cli::Failure> project_tests(const cli::Args& args);

// An error of this machine on its way to the user.
cli::Failure machine_failure(const Error& error);

} // namespace hp::dev
