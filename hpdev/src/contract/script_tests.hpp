// SPDX-License-Identifier: Apache-2.0
// Scripts (*.hps) as tests: hpcli runs them against one of the project's clusters.
// Blocking.
#pragma once

#include "contract/test_report.hpp"
#include "project/project.hpp"

namespace hp::dev {

// What hpcli prints goes to standard error.
cli::Parsed<TestReport> run_script_test(const Project& project, const std::filesystem::path& script,
                                        const std::vector<std::string>& target);

} // namespace hp::dev
