// SPDX-License-Identifier: Apache-2.0
// The council: the first three users that join. More than half of them must want a change of the
// UNL. The state is one JSON document: {"voters":[KEY...],"last":N,"proposals":[{...}]}.
#pragma once

#include <hp/contract/contract.hpp>
#include <hp/contract/value.hpp>

namespace council {

inline constexpr std::size_t voters_max = 3;
inline constexpr std::size_t proposals_max = 16;

[[nodiscard]] hp::contract::Value make_empty();

/// Carries out one request (README.md has the list), changes `state` and returns the answer.
[[nodiscard]] hp::contract::Value handle(const hp::contract::Context& c, hp::contract::Value& state,
                                         const hp::contract::User& user,
                                         const hp::contract::Input& input);

} // namespace council
