// SPDX-License-Identifier: Apache-2.0
// Contexts: named connection settings, one of them current. Kept as text exactly as options take
// them, and checked where options are.
#pragma once

#include "cli/args.hpp"
#include "cli/user_files.hpp"

#include <optional>
#include <string>
#include <vector>

namespace hp::cli {

inline constexpr std::string_view contexts_file = "contexts.json";

Json context_to_json(const Context& context);
Context context_from_json(const Json& json);

// The named one, or else $HP_CONTEXT's or the current one if there is any. Naming one that does
// not exist is an error.
tl::expected<std::optional<Context>, Failure> find_context(const std::optional<std::string>& name);

} // namespace hp::cli
