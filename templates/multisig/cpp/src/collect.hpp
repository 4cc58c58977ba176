// SPDX-License-Identifier: Apache-2.0
// Two exchanges of messages: every node signs the order; then every node says which signatures it
// has heard, because not all need have heard the same. The list of more than two thirds of the UNL
// counts.
#pragma once

#include <hp/contract/contract.hpp>
#include <hp/contract/value.hpp>

#include <optional>
#include <string>

namespace collect {

/// {"order":"1 pay bob 5","signatures":[{"number":1,"signature":"..."}]}
[[nodiscard]] std::optional<hp::contract::Value>
signatures(hp::contract::Context& c, const hp::contract::Value& book, const std::string& order);

} // namespace collect
