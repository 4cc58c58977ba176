// SPDX-License-Identifier: Apache-2.0
// Passphrases: from a file, or typed on the terminal without being shown. Never from the command
// line or the environment. Blocking.
#pragma once

#include "cli/errors.hpp"

#include <string>

namespace hp::cli {

// The first line of the file; "-" is standard input.
tl::expected<std::string, Failure> read_passphrase_file(const std::string& path);

// Asks on the controlling terminal, also when standard input is something else.
tl::expected<std::string, Failure> type_passphrase(const std::string& what);

// The same for any secret, with the prompt as it is given.
tl::expected<std::string, Failure> type_secret(const std::string& prompt);

} // namespace hp::cli
