// SPDX-License-Identifier: Apache-2.0
//
// The element types of BSON that a Value can hold (private).
//
// Threads: constants.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hp::contract::detail {

enum class BsonType : std::uint8_t {
    number = 0x01,
    text = 0x02,
    object = 0x03,
    array = 0x04,
    binary = 0x05,
    undefined = 0x06,
    boolean = 0x08,
    date_ms = 0x09,
    null = 0x0A,
    int32 = 0x10,
    int64 = 0x12,
};

/// Documents are read by recursion; this bounds the stack whatever limits the caller gives.
inline constexpr std::size_t bson_depth_max = 64;

} // namespace hp::contract::detail
