// SPDX-License-Identifier: Apache-2.0
// What in a bundle is not part of the contract's state: hp.cfg.override, merged into every node's
// hp.cfg, and disparate/<n>/, files of node n alone.
#pragma once

namespace hp::dev {

inline constexpr const char* bundle_override_name = "hp.cfg.override";
inline constexpr const char* bundle_disparate_name = "disparate";

} // namespace hp::dev
