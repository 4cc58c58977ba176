// SPDX-License-Identifier: Apache-2.0
// Where other programs are: the rest of this toolkit beside this one, whether installed or in a
// build folder, and those of the system.
// Blocking file work.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace hp::dev {

// The running program's own file.
std::filesystem::path own_program();

// The folder with HotPocketConfig.cmake; absent when this toolkit came without the contract SDK.
std::optional<std::filesystem::path> find_cmake_package();

// A program in a folder of $PATH, in full. Absent: not installed.
std::optional<std::string> find_in_path(std::string_view name);

} // namespace hp::dev
