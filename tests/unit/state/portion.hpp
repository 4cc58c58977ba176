// SPDX-License-Identifier: Apache-2.0
// Which of very many like cases one run of the tests tries: every n-th, from a random one on that
// is printed, so that runs together try all of them. HP_FULL_SCALE=1 tries all in one run,
// HP_SEED=n those of the run that printed n.
// Test thread only.
#pragma once

#include <cstdint>

namespace hp::state::test {

// HP_FULL_SCALE=1: amounts, too, are those of the requirements.
bool is_full_scale();

class Portion {
public:
    explicit Portion(std::uint64_t usual_step);

    std::uint64_t step() const { return step_; }
    std::uint64_t first() const { return offset_ + 1; } // of cases that are counted from 1
    bool has(std::uint64_t number) const { return number % step_ == offset_; }
    // How many of `count` cases are tried at least.
    std::uint64_t of(std::uint64_t count) const { return count / step_; }

private:
    std::uint64_t step_;
    std::uint64_t offset_; // below step_
};

} // namespace hp::state::test
