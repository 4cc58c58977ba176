// SPDX-License-Identifier: Apache-2.0
//
// Reading outcomes, and keys and hashes for specifications.
//
// Threads: pure functions.
#include <hp/contract/testing.hpp>

#include <array>
#include <charconv>

namespace hp::contract::testing {
namespace {

constexpr std::size_t key_digits = 64;

/// The next 64 bits of the sequence that `state` is at (SplitMix64).
std::uint64_t next_bits(std::uint64_t& state) {
    state += 0x9E3779B97F4A7C15U;
    std::uint64_t bits = state;
    bits = (bits ^ bits >> 30U) * 0xBF58476D1CE4E5B9U;
    bits = (bits ^ bits >> 27U) * 0x94D049BB133111EBU;
    return bits ^ bits >> 31U;
}

std::string hex_of(std::uint64_t number) {
    std::array<char, 16> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr;
    return {digits.data(), end};
}

std::string padded(std::string hex, std::size_t size) {
    return hex.insert(0, size - hex.size(), '0');
}

std::string make_digits(std::uint64_t seed) {
    std::string out;
    while (out.size() < key_digits)
        out += padded(hex_of(next_bits(seed)), 16);
    return out;
}

} // namespace

std::string make_key(std::uint64_t number) {
    return "ed" + padded(hex_of(number), key_digits);
}

std::string make_key(std::string_view name) {
    std::uint64_t seed = 0xCBF29CE484222325U; // FNV-1a
    for (const char c : name)
        seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
    return "ed" + make_digits(seed);
}

std::string make_hash(std::uint64_t number) {
    return make_digits(number);
}

std::string make_exchange_message(std::string_view topic, std::string_view payload) {
    std::string out = "hpx1";
    out += static_cast<char>(static_cast<unsigned char>(topic.size()));
    return out.append(topic).append(payload);
}

std::vector<std::string> RunOutcome::messages(const std::string& key_hex) const {
    const auto found = outputs.find(key_hex);
    return found == outputs.end() ? std::vector<std::string>() : split_messages(found->second);
}

std::vector<std::string> split_messages(std::string_view bytes) {
    std::vector<std::string> out;
    while (!bytes.empty()) {
        std::size_t size = 0;
        for (const char c : bytes.substr(0, 4))
            size = size << 8U | static_cast<std::uint8_t>(c);
        if (bytes.size() < 4 || bytes.size() - 4 < size) {
            out.emplace_back("<partial>");
            break;
        }
        out.emplace_back(bytes.substr(4, size));
        bytes.remove_prefix(4 + size);
    }
    return out;
}

} // namespace hp::contract::testing
