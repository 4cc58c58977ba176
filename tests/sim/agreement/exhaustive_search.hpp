// SPDX-License-Identifier: Apache-2.0
// Every combination of situations that the honest members of a scope can be in together, whatever
// arrives in whatever order, or never: a statement once made may reach anybody from then on, and
// the faulty members sign everything and lead every attempt. Single owner; memory bounded by
// states_max.
#pragma once

#include <optional>

#include "local_machine.hpp"

namespace hp::agree {

struct SearchResult {
    std::size_t situations = 0; // of one member
    std::size_t local_states = 0;
    std::size_t states = 0; // combinations, up to symmetry
    std::size_t steps = 0;
    std::size_t depth = 0;
    std::size_t completions = 0; // if logs are watched: from how many states a decision was reached
    bool complete = false;
    // What went wrong, and the way there; empty if nothing did.
    std::string violation;
    std::vector<std::string> way;
};

SearchResult search(const Scope& scope, std::size_t states_max);

} // namespace hp::agree
