// SPDX-License-Identifier: Apache-2.0
// Tells whether the node-private files beside the state have changed since an earlier look. They
// are not agreed on and not hashed for anybody else: this is for processes that were started before
// their run and may have read them. Any thread.
#pragma once

#include <filesystem>
#include <optional>

#include "hp/base/ids.hpp"

namespace hp::state {

// Equal values: nothing has changed in between. Empty when that could not be told: something was
// changed a moment ago, or there is too much to look at.
std::optional<Hash32> private_files_mark(const std::filesystem::path& seed);

} // namespace hp::state
