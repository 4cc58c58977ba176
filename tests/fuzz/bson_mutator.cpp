// SPDX-License-Identifier: Apache-2.0
// libFuzzer's mutations break the lengths inside a BSON document nearly always, and then only the
// first check of the decoder is reached. This puts the lengths right again after most mutations.
// Called by libFuzzer on its one thread.
#include "fuzz_input.hpp"

#include <algorithm>
#include <cstring>
#include <span>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed);

namespace {

using Span = std::span<std::uint8_t>;

constexpr int depth_max = 80; // a little more than the decoder takes

// One mutation in this many stays as it is, to test what broken lengths do.
constexpr unsigned unrepaired_share = 8;

std::size_t get_length(Span at) {
    std::uint32_t value = 0;
    std::memcpy(&value, at.data(), sizeof value); // BSON and our machines are little-endian
    return value;
}

void put_length(Span at, std::size_t length) {
    const auto value = static_cast<std::uint32_t>(length);
    std::memcpy(at.data(), &value, sizeof value);
}

std::size_t repair_document(Span bytes, bool whole, int depth);

// A length followed by that many bytes. Returns how much of `bytes` they take together.
std::size_t repair_counted(Span bytes, std::size_t extra) {
    if (bytes.size() < 4 + extra) {
        return bytes.size();
    }
    const std::size_t length = std::min(get_length(bytes), bytes.size() - 4 - extra);
    put_length(bytes, length);
    return 4 + extra + length;
}

std::size_t repair_string(Span bytes) {
    const std::size_t taken = repair_counted(bytes, 0);
    if (taken >= 5) {
        bytes[taken - 1] = 0;
    }
    return taken;
}

std::size_t repair_value(std::uint8_t type, Span bytes, int depth) {
    switch (type) {
    case 0x01: // double
    case 0x09: // datetime
    case 0x11: // timestamp
    case 0x12: // int64
        return std::min<std::size_t>(8, bytes.size());
    case 0x02:
        return repair_string(bytes);
    case 0x03:
    case 0x04:
        return repair_document(bytes, false, depth + 1);
    case 0x05:
        return repair_counted(bytes, 1);
    case 0x08:
        return std::min<std::size_t>(1, bytes.size());
    case 0x10:
        return std::min<std::size_t>(4, bytes.size());
    default:
        return 0;
    }
}

// `whole`: the document is all of `bytes`; otherwise it has the length it announces, if that fits.
std::size_t repair_document(Span bytes, bool whole, int depth) {
    if (bytes.size() < 5 || depth > depth_max) {
        return bytes.size();
    }
    const std::size_t announced = get_length(bytes);
    const bool fits = announced >= 5 && announced <= bytes.size();
    const std::size_t length = whole || !fits ? bytes.size() : announced;
    put_length(bytes, length);
    bytes[length - 1] = 0;
    Span left = bytes.subspan(4, length - 5);
    while (!left.empty()) {
        const std::uint8_t type = left[0];
        const auto name_end = std::find(left.begin() + 1, left.end(), std::uint8_t{0});
        if (name_end == left.end()) {
            break;
        }
        left = left.subspan(static_cast<std::size_t>(name_end - left.begin()) + 1);
        left = left.subspan(repair_value(type, left, depth));
    }
    return length;
}

} // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed) {
    const std::size_t mutated = LLVMFuzzerMutate(data, size, max_size);
    if (seed % unrepaired_share != 0) {
        repair_document({data, mutated}, true, 0);
    }
    return mutated;
}
