// SPDX-License-Identifier: Apache-2.0
#include "portion.hpp"

#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

namespace hp::state::test {

bool is_full_scale() {
    const char* wanted = std::getenv("HP_FULL_SCALE");
    return wanted != nullptr && std::string(wanted) == "1";
}

namespace {

// One for all tests of the program, said once.
std::uint64_t chosen_seed() {
    static const std::uint64_t seed = [] {
        const char* wanted = std::getenv("HP_SEED");
        const std::uint64_t chosen =
            wanted != nullptr ? std::stoull(wanted) : std::random_device{}() % 1'000'000;
        std::cout << "HP_SEED=" << chosen << " says which cases are tried; "
                  << "HP_FULL_SCALE=1 tries all\n";
        return chosen;
    }();
    return seed;
}

} // namespace

Portion::Portion(std::uint64_t usual_step)
    : step_(is_full_scale() ? 1 : usual_step), offset_(step_ == 1 ? 0 : chosen_seed() % step_) {}

} // namespace hp::state::test
