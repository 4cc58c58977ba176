// SPDX-License-Identifier: Apache-2.0
//
// Pseudo-random numbers that are the same on every node: MT19937-64, seeded through std::seed_seq
// with the ledger hash. Both algorithms are fixed bit by bit by the C++ standard, so the numbers do
// not depend on compiler, library or machine.
//
// PREDICTABLE: everybody who sees the ledger can compute the whole stream, and whoever can
// influence the ledger hash can try for a stream they like. Use it to spread or to shuffle, never
// for keys, secrets, or a lottery that is worth cheating in.
//
// Threads: one thread at a time.
#pragma once

#include <hp/contract/key.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <utility>

namespace hp::contract {

/// A uniform random bit generator. Avoid std::shuffle and the std::*_distribution classes on it
/// where the nodes may be built differently: their algorithms belong to the standard library's
/// maker. Use below() and shuffle().
class Rng {
public:
    using result_type = std::uint64_t;

    explicit Rng(const Hash& seed);

    [[nodiscard]] static constexpr result_type min() noexcept { return 0; }
    [[nodiscard]] static constexpr result_type max() noexcept {
        return std::numeric_limits<result_type>::max();
    }

    /// The next 64 bits of the stream.
    result_type operator()() { return engine_(); }

    /// A number in [0, limit), every one equally likely; 0 if `limit` is 0.
    std::uint64_t below(std::uint64_t limit);

    /// Puts `items` (anything with size() and operator[]) into random order, every order equally
    /// likely as far as the seed allows.
    template <typename Items>
    void shuffle(Items&& items) {
        for (std::size_t left = items.size(); left > 1; --left)
            std::swap(items[left - 1], items[static_cast<std::size_t>(below(left))]);
    }

private:
    std::mt19937_64 engine_;
};

} // namespace hp::contract
