// SPDX-License-Identifier: Apache-2.0
// Tells whether anything in seed/ was touched between two looks at it, without changing anything
// itself. For processes that were started before their run, which may have read the files, or
// written them. Looks at stat data; contents are read only where those prove nothing. Any thread.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>

#include "hp/base/ids.hpp"

namespace hp::state {

// Of two looks: equal marks mean that nothing was touched in between. Empty when that could not be
// told: something was changed a moment ago, is being changed, or there is too much to look at.

// state/ and patch.cfg, at most so many entries.
std::optional<Hash32> mark_state(const std::filesystem::path& seed, std::size_t entries_max);

// The node-private files beside them.
std::optional<Hash32> mark_private_files(const std::filesystem::path& seed);

} // namespace hp::state
