// SPDX-License-Identifier: Apache-2.0
// What a program says about itself: version, explain, schema, completion, man. All from its command
// table, so nothing can be missing from one of them.
#pragma once

#include "cli/program.hpp"

namespace hp::cli {

inline constexpr std::string_view version_fields =
    "ok:bool version:text hp_version:text ledger_version:text";
inline constexpr std::string_view explain_fields =
    "ok:bool exit:int name:text errors:[{code:text meaning:text}]";
inline constexpr std::string_view schema_fields =
    "ok:bool commands:[{command:text online:bool schema?:text}]";

Outcome run_version(const Args& args);
Outcome run_explain(const Args& args);    // CODE
Outcome run_schema(const Args& args);     // [COMMAND...]
Outcome run_completion(const Args& args); // bash|zsh|fish
Outcome run_man(const Args& args);

} // namespace hp::cli
