// SPDX-License-Identifier: Apache-2.0
//
// Seeding and bounded numbers. The seed words are the hash bytes, big-endian, four at a time.
//
// Threads: one thread at a time.
#include <hp/contract/rng.hpp>

#include <array>

namespace hp::contract {
namespace {

std::mt19937_64 make_engine(const Hash& seed) {
    std::array<std::uint32_t, 8> words{};
    for (std::size_t i = 0; i < seed.bytes().size(); ++i)
        words[i / 4] = (words[i / 4] << 8U) | seed.bytes()[i];
    std::seed_seq sequence(words.begin(), words.end());
    return std::mt19937_64(sequence);
}

} // namespace

Rng::Rng(const Hash& seed) : engine_(make_engine(seed)) {}

std::uint64_t Rng::below(std::uint64_t limit) {
    if (limit == 0)
        return 0;
    // Values from the last, incomplete run of `limit` numbers would favour the small ones.
    const std::uint64_t excess = (max() % limit + 1) % limit;
    for (;;) {
        const std::uint64_t value = engine_();
        if (value <= max() - excess)
            return value % limit;
    }
}

} // namespace hp::contract
