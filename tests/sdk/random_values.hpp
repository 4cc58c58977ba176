// SPDX-License-Identifier: Apache-2.0
//
// Random documents for property tests, the same for the same seed.
//
// Threads: one.
#pragma once

#include <hp/contract/value.hpp>

#include <random>
#include <string>

namespace hp::test {

class RandomValues {
public:
    explicit RandomValues(std::uint64_t seed) : engine_(seed) {}

    [[nodiscard]] std::uint64_t below(std::uint64_t limit) { return engine_() % limit; }

    /// Anything a Value can hold, except NaN (which equals nothing) and, unless wanted, binary.
    [[nodiscard]] contract::Value value(bool with_binary, int depth = 0);
    [[nodiscard]] contract::Value object(bool with_binary, int depth = 0);
    /// UTF-8 with escapes, controls and long characters.
    [[nodiscard]] std::string text(bool with_nul = true);
    [[nodiscard]] double number();

    /// Changes, removes, doubles or cuts a few bytes.
    void damage(std::string& bytes);

private:
    std::mt19937_64 engine_;
};

} // namespace hp::test
