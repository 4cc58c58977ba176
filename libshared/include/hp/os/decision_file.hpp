// SPDX-License-Identifier: Apache-2.0
// One yes or no for several processes of a machine: a file that is written once. Whoever is first
// decides for all of them, also when it ends right afterwards. Any thread.
#pragma once

#include <filesystem>
#include <optional>

#include "hp/base/result.hpp"

namespace hp::os {

// Nothing while nobody has decided.
Result<std::optional<bool>> read_decision(const std::filesystem::path& path);

// Decides, unless somebody has; what holds. Errc::not_found when its folder is not there.
Result<bool> decide(const std::filesystem::path& path, bool wish);

} // namespace hp::os
