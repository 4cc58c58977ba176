// SPDX-License-Identifier: Apache-2.0
// Scripts (*.hps) as tests: hpcli runs them against the project's running cluster. Blocking.
#pragma once

#include "contract/test_report.hpp"
#include "project/project.hpp"

namespace hp::dev {

// The addresses of the cluster's running nodes; none when no cluster runs.
std::vector<std::string> running_servers(const Project& project);

// What hpcli prints goes to standard error.
cli::Parsed<TestReport> run_script_test(const Project& project, const std::filesystem::path& script,
                                        const std::vector<std::string>& servers);

} // namespace hp::dev
