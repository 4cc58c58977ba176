// SPDX-License-Identifier: Apache-2.0
// Puts a bundle into the live view of the state (dev_orders.hpp). Blocking file work; the state
// store's owner thread, between runs.
#pragma once

#include <filesystem>

#include "hp/base/result.hpp"
#include "node/dev_orders.hpp"

namespace hp::node {

// Errc::invalid: the order cannot be carried out, and would be as little on another node.
Status apply_deploy(const DeployOrder& order, const std::filesystem::path& state_dir,
                    const std::filesystem::path& patch_file);

// The live patch.cfg, which stays whose it is.
Status overwrite_patch(const std::filesystem::path& patch_file, ByteView content);

} // namespace hp::node
