// SPDX-License-Identifier: Apache-2.0
// Versions. `version` is this project's own. `hp_version` is the protocol version announced to
// clients and contracts: the published client requires the prefix "0.6." (user-protocol.md 15.2).
#pragma once

#include <string_view>

namespace hp {

inline constexpr std::string_view version = "0.1.0";
inline constexpr std::string_view hp_version = "0.6.4";
inline constexpr std::string_view ledger_version = "1";

} // namespace hp
