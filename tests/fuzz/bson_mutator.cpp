// SPDX-License-Identifier: Apache-2.0
// libFuzzer's mutations break the lengths inside a BSON document nearly always, and then only the
// first check of the decoder is reached. This puts the lengths right again after most mutations,
// and has two mutations of its own: another value, of another type, for an element, and dropping
// one. Called by libFuzzer on its one thread.
#include "fuzz_input.hpp"

#include <algorithm>
#include <cstring>
#include <random>
#include <span>
#include <string_view>
#include <vector>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed);

namespace {

using Span = std::span<std::uint8_t>;

constexpr int depth_max = 80; // a little more than the decoder takes

// One mutation in this many stays as it is, to test what broken lengths do.
constexpr unsigned unrepaired_share = 8;
// One in this many is one of ours.
constexpr unsigned own_share = 3;

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

// --- own mutations, on documents with right lengths ----------------------------------------------

struct Element {
    std::size_t begin = 0; // its type
    std::size_t value = 0;
    std::size_t end = 0;
    std::vector<std::size_t> documents; // where the documents around it begin, outermost first
};

struct NewValue {
    std::uint8_t type;
    std::string_view bytes;
};

using namespace std::string_view_literals;

constexpr NewValue new_values[] = {
    {0x01, "\0\0\0\0\0\0\xF8\x3F"sv}, // 1.5
    {0x02, "\2\0\0\0x\0"sv},          //
    {0x02, "\1\0\0\0\0"sv},           // empty
    {0x02, "\4\0\0\0a\0b\0"sv},       // with a NUL
    {0x02, "\3\0\0\0\xFF\xFE\0"sv},   // no UTF-8
    {0x03, "\5\0\0\0\0"sv},           // empty
    {0x04, "\5\0\0\0\0"sv},           // empty
    {0x04, "\x0D\0\0\0\x05"
           "0\0\0\0\0\0\x80\0"sv},                // [binary]
    {0x05, "\0\0\0\0\x80"sv},                     // empty
    {0x05, "\2\0\0\0\x80\xFF\xFE"sv},             // no UTF-8
    {0x05, "\7\0\0\0\x80{\"a\":1}"sv},            //
    {0x08, "\1"sv},                               //
    {0x09, "\1\0\0\0\0\0\0\0"sv},                 // a date
    {0x0A, ""sv},                                 // null
    {0x10, "\1\0\0\0"sv},                         //
    {0x10, "\xFF\xFF\xFF\xFF"sv},                 // -1
    {0x12, "\0\0\0\0\0\1\0\0"sv},                 // above 32 bits
    {0x12, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"sv}, // the highest
    {0x13, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv}, // a type nobody reads
};

// All elements of the document that begins at `begin`; gives up where the bytes make no sense.
void collect(Span bytes, std::size_t begin, std::size_t end, std::vector<std::size_t> around,
             std::vector<Element>& out) {
    around.push_back(begin);
    std::size_t at = begin + 4;
    while (around.size() < depth_max && at + 1 < end) {
        const auto name_end =
            std::find(bytes.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                      bytes.begin() + static_cast<std::ptrdiff_t>(end), std::uint8_t{0});
        const auto value = static_cast<std::size_t>(name_end - bytes.begin()) + 1;
        if (value >= end) {
            return;
        }
        const std::uint8_t type = bytes[at];
        // Lengths are right, so this changes nothing and only measures.
        const std::size_t size = repair_value(type, bytes.subspan(value, end - 1 - value), 0);
        out.push_back({at, value, value + size, around});
        if ((type == 0x03 || type == 0x04) && size >= 5) {
            collect(bytes, value, value + size, around, out);
        }
        at = value + size;
    }
}

// Puts `bytes` in place of what is between `begin` and `end`; 0 when there is no room for them.
std::size_t splice(std::uint8_t* data, std::size_t size, std::size_t max_size,
                   const Element& element, std::size_t begin, std::string_view bytes) {
    const std::size_t new_size = size - (element.end - begin) + bytes.size();
    if (new_size > max_size) {
        return 0;
    }
    std::memmove(data + begin + bytes.size(), data + element.end, size - element.end);
    std::memcpy(data + begin, bytes.data(), bytes.size());
    for (const std::size_t document : element.documents) {
        const Span length{data + document, 4};
        put_length(length, get_length(length) + new_size - size);
    }
    return new_size;
}

// 0 when it could not be done.
std::size_t mutate_element(std::uint8_t* data, std::size_t size, std::size_t max_size,
                           unsigned int seed) {
    std::vector<Element> elements;
    if (size >= 5) {
        repair_document({data, size}, true, 0);
        collect({data, size}, 0, size, {}, elements);
    }
    if (elements.empty()) {
        return 0;
    }
    std::minstd_rand random(seed);
    const Element& element = elements[random() % elements.size()];
    if (random() % 8 == 0) {
        return splice(data, size, max_size, element, element.begin, "");
    }
    const NewValue& value = new_values[random() % std::size(new_values)];
    const std::size_t new_size = splice(data, size, max_size, element, element.value, value.bytes);
    if (new_size > 0) {
        data[element.begin] = value.type;
    }
    return new_size;
}

} // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed) {
    if (seed % own_share == 0) {
        if (const std::size_t mutated = mutate_element(data, size, max_size, seed)) {
            return mutated;
        }
    }
    const std::size_t mutated = LLVMFuzzerMutate(data, size, max_size);
    if (seed % unrepaired_share != 0) {
        repair_document({data, mutated}, true, 0);
    }
    return mutated;
}
