// SPDX-License-Identifier: Apache-2.0
// Reads a bundle (hpdev bundle -O FILE.hpb): a ustar archive of ordinary files. What comes from
// outside is checked completely before anything is done with it.
#pragma once

#include <hp/contract/result.hpp>

#include <map>
#include <string>
#include <string_view>

namespace archive {

struct File {
    std::string_view content;
    bool executable = false;
};

using Files = std::map<std::string, File>;

/// The files by their path. Views into `bytes`.
[[nodiscard]] hp::contract::Result<Files> read(std::string_view bytes);

} // namespace archive
