// SPDX-License-Identifier: Apache-2.0
// Cuts a fuzzer's input into the small numbers and byte strings that a target needs. Everything
// past the end reads as zero or empty, so that every input means something. One owner.
#pragma once

#include "hp/base/bytes.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

// What libFuzzer, or the replay program, calls for every input.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace hp::fuzz {

class Input {
public:
    explicit Input(ByteView bytes) : left_(bytes) {}

    bool empty() const { return left_.empty(); }
    std::uint8_t u8() {
        const ByteView byte = bytes(1);
        return byte.empty() ? std::uint8_t{0} : byte[0];
    }
    std::uint16_t u16() {
        const unsigned high = u8();
        return static_cast<std::uint16_t>(high << 8 | u8());
    }
    // At most `count` bytes, borrowed.
    ByteView bytes(std::size_t count) {
        const ByteView out = left_.first(std::min(count, left_.size()));
        left_ = left_.subspan(out.size());
        return out;
    }
    // A length of two bytes, then as many bytes.
    ByteView block() { return bytes(u16()); }

private:
    ByteView left_;
};

} // namespace hp::fuzz
