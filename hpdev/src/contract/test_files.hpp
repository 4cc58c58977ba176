// SPDX-License-Identifier: Apache-2.0
// Which test cases there are: in files that were named, or below the project's folder for them.
// Blocking.
#pragma once

#include "cli/args.hpp"
#include "contract/test_case.hpp"

namespace hp::dev {

// Every *.hpt.toml that `args.arguments` name or that lies in a folder they name; without any, in
// the project's folder of tests. Only cases in whose "FILE: NAME" `filter` occurs.
tl::expected<std::vector<TestCase>, cli::Failure> find_test_cases(const cli::Args& args,
                                                                  const std::string& filter);

// The *.hps among the arguments.
std::vector<std::filesystem::path> named_scripts(const cli::Args& args);

// "tests/tally.hpt.toml: adds"
std::string title_of(const TestCase& test);

} // namespace hp::dev
