// SPDX-License-Identifier: Apache-2.0
// Programs that send the same input as a command line: a shell script, one for the published
// JavaScript client, one for the C++ client library. Pure.
#pragma once

#include "cli/args.hpp"
#include "cli/send_options.hpp"
#include "hp/base/bytes.hpp"

#include <string>

namespace hp::cli {

std::string send_program(const Args& args, ProgramLanguage language, const Bytes& payload);

} // namespace hp::cli
