// SPDX-License-Identifier: Apache-2.0
#include "hp/base/codec.hpp"

#include <array>

#include "hp/base/check.hpp"

namespace hp {
namespace {

template <class Int>
void put_be(Bytes& out, Int value) {
    std::array<std::uint8_t, sizeof(Int)> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::uint8_t>(value >> 8 * (bytes.size() - 1 - i));
    }
    out.insert(out.end(), bytes.begin(), bytes.end());
}

template <class Int>
Int get_be(ByteView in) {
    Int value = 0;
    for (const std::uint8_t b : in) {
        value = static_cast<Int>(value << 8 | b);
    }
    return value;
}

} // namespace

void Writer::u32(std::uint32_t v) {
    put_be(out_, v);
}

void Writer::u64(std::uint64_t v) {
    put_be(out_, v);
}

void Writer::bytes(ByteView bytes) {
    HP_CHECK(bytes.size() <= UINT32_MAX, "a byte string longer than its length prefix can say");
    u32(static_cast<std::uint32_t>(bytes.size()));
    raw(bytes);
}

ByteView Reader::raw(std::size_t count) {
    if (!ok_ || in_.size() < count) {
        ok_ = false;
        in_ = {};
        return {};
    }
    const ByteView out = in_.first(count);
    in_ = in_.subspan(count);
    return out;
}

std::uint8_t Reader::u8() {
    const ByteView view = raw(1);
    return ok_ ? view[0] : std::uint8_t{0};
}

std::uint32_t Reader::u32() {
    return get_be<std::uint32_t>(raw(4));
}

std::uint64_t Reader::u64() {
    return get_be<std::uint64_t>(raw(8));
}

ByteView Reader::bytes() {
    const std::uint32_t length = u32();
    return raw(length);
}

} // namespace hp
