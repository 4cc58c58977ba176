// SPDX-License-Identifier: Apache-2.0
// The manual page in man(7) markup, from the command table. Pure.
#pragma once

#include "cli/program.hpp"

#include <string>

namespace hp::cli {

std::string manual_page(const Program& program);

} // namespace hp::cli
