// SPDX-License-Identifier: Apache-2.0
// The canonical binary encoding used for everything we hash, sign or store: big-endian integers
// and u32-length-prefixed byte strings, fields in a fixed order, nothing optional. Reader never
// reads past its view and turns any shortfall into ok() == false, so a decoder checks once at
// the end. Any thread.
#pragma once

#include "hp/base/ids.hpp"

namespace hp {

class Writer {
public:
    Writer() { out_.reserve(usual_bytes); }
    void u8(std::uint8_t v) { out_.push_back(v); }
    void u32(std::uint32_t v);
    void u64(std::uint64_t v);
    void raw(ByteView bytes) { append(out_, bytes); }
    void bytes(ByteView bytes); // u32 length, then the bytes
    template <std::size_t N, class Tag>
    void fixed(const FixedBytes<N, Tag>& v) {
        raw(v.view());
    }
    const Bytes& view() const { return out_; }
    Bytes take() { return std::move(out_); }

private:
    // Most of what is signed or hashed is shorter: growing to it would cost an allocation a field.
    static constexpr std::size_t usual_bytes = 256;
    Bytes out_;
};

class Reader {
public:
    explicit Reader(ByteView in) : in_(in) {}

    std::uint8_t u8();
    std::uint32_t u32();
    std::uint64_t u64();
    ByteView raw(std::size_t count); // borrowed from the input
    ByteView bytes();                // u32 length, then the bytes; borrowed
    template <class Fixed>
    Fixed fixed() {
        const ByteView view = raw(Fixed::size);
        Fixed out;
        if (ok_) {
            std::memcpy(out.data.data(), view.data(), Fixed::size);
        }
        return out;
    }
    std::size_t left() const { return in_.size(); }
    bool ok() const { return ok_; }
    bool done() const { return ok_ && in_.empty(); } // everything read, nothing missing

private:
    ByteView in_;
    bool ok_ = true;
};

} // namespace hp
