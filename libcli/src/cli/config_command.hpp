// SPDX-License-Identifier: Apache-2.0
// config explain KEY: where an option's value comes from, and what it hides (settings.hpp).
#pragma once

#include "cli/program.hpp"

namespace hp::cli {

inline constexpr std::string_view config_explain_fields =
    "ok:bool key:text variable:text sources:[{source:text value:text used:bool}]";

Outcome run_config_explain(const Args& args); // KEY

} // namespace hp::cli
