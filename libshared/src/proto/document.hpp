// SPDX-License-Identifier: Apache-2.0
// A message as a tree that JSON and BSON share. User protocol messages have the same names and
// nesting in both encodings; only hashes, keys, signatures and contract content differ in form
// (user-protocol.md 5.3). So there is one decoder and one encoder over this tree, and the two
// encodings are only conversions of it. Private to proto/. Values; any thread.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hp/base/bytes.hpp"
#include "hp/proto/user_message.hpp"

namespace hp::proto {

struct Value {
    enum class Type : std::uint8_t {
        null,
        boolean,
        integer, // 0..2^64-1, the only numbers the protocol uses
        number,  // any other number; text holds the JSON token
        string,  // text is UTF-8
        binary,  // hashes, keys, signatures: hex in JSON
        content, // contract payload: embedded or quoted in JSON (9.3). Only when encoding.
        array,
        object,
    };

    Type type = Type::null;
    bool boolean = false;
    std::uint64_t integer = 0;
    std::string text{}; // string, number; raw bytes of binary and content
    std::vector<Value> items{};
    std::vector<std::pair<std::string, Value>> members{}; // names are unique

    static Value of(bool v);
    static Value of(std::uint64_t v);
    static Value of(std::string_view v);
    static Value of(const char* v) { return of(std::string_view(v)); }
    static Value binary(ByteView v);
    static Value content_of(ByteView v);
    static Value array_of(std::vector<Value> items);
    static Value object() { return Value{.type = Type::object}; }

    // Object building: returns *this for chains.
    Value& add(std::string_view name, Value value);

    // Lookup in an object; null when absent or this is no object.
    const Value* find(std::string_view name) const;
    const Value* find(std::string_view name, Type type) const; // and of that type
};

// Errors of decoding are not told apart: the protocol has one answer to all of them. More than
// `values_max` values in the whole tree are an error too.
std::optional<Value> parse_json(ByteView text, std::size_t values_max);
std::optional<Value> parse_bson(ByteView document, std::size_t values_max);
inline std::optional<Value> parse(Encoding encoding, ByteView bytes, std::size_t values_max) {
    return encoding == Encoding::json ? parse_json(bytes, values_max)
                                      : parse_bson(bytes, values_max);
}

Bytes write_json(const Value& value);
Bytes write_bson(const Value& object); // the root must be an object
inline Bytes write(Encoding encoding, const Value& object) {
    return encoding == Encoding::json ? write_json(object) : write_bson(object);
}

} // namespace hp::proto
