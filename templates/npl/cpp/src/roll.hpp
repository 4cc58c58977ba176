// SPDX-License-Identifier: Apache-2.0
// Three exchanges of messages:
//   commit   every node draws a secret and says its hash, so nobody can choose one to suit others
//   reveal   every node says its secret; those that fit their hash make the number
//   vote     every node says the number it came to, because not all need have heard the same
// The number of more than two thirds of the UNL counts, on those that came to another one, too.
// Nodes that are silent cost one time limit, and more than a third of them the agreement.
#pragma once

#include <hp/contract/contract.hpp>

#include <optional>
#include <string>

namespace roll {

/// The number as 64 hex digits.
[[nodiscard]] std::optional<std::string> agree(hp::contract::Context& c);

} // namespace roll
