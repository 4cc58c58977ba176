// SPDX-License-Identifier: Apache-2.0
// The JSON files in the user's configuration directory ($XDG_CONFIG_HOME/hotpocket, by default
// ~/.config/hotpocket). Written whole or not at all. Blocking file work.
#pragma once

#include "cli/errors.hpp"

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

namespace hp::cli {

using Json = nlohmann::ordered_json;

tl::expected<std::filesystem::path, Failure> user_config_file(std::string_view name);

// An object; empty when there is no such file.
tl::expected<Json, Failure> load_user_file(std::string_view name);

// Loads, changes and stores, with other processes kept out. `change` may fail.
tl::expected<void, Failure>
change_user_file(std::string_view name,
                 const std::function<tl::expected<void, Failure>(Json&)>& change);

// The member of an object as text; absent when it is not there or something else.
std::optional<std::string> text_member(const Json& object, const char* name);
std::vector<std::string> list_member(const Json& object, const char* name);

} // namespace hp::cli
