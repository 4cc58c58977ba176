// SPDX-License-Identifier: Apache-2.0
// A message as a tree that JSON and BSON share. User protocol messages have the same names and
// nesting in both encodings; only hashes, keys, signatures and contract content differ in form
// (user-protocol.md 5.3). So there is one decoder and one encoder over this tree, and the two
// encodings are only conversions of it. Contracts' control messages are read with it too. Values;
// any thread.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hp/base/bytes.hpp"
#include "hp/base/limits.hpp"
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

// What a document may hold. Messages from strangers are small and have unique names (parsers
// disagree on duplicates, 5.1); messages from a node may embed any JSON a contract has written.
struct ParseLimits {
    std::size_t values_max;  // in the whole tree
    std::size_t members_max; // of one object
    std::size_t depth_max;
    bool unique_names;
};
inline constexpr ParseLimits request_limits{limits::request_values_max, limits::message_members_max,
                                            limits::message_depth_max, true};
inline constexpr ParseLimits server_message_limits{limits::server_message_values_max,
                                                   limits::server_message_values_max,
                                                   limits::server_message_depth_max, false};
inline constexpr ParseLimits control_message_limits{limits::control_message_values_max,
                                                    limits::message_members_max,
                                                    limits::message_depth_max, true};

// Errors of decoding are not told apart: the protocol has one answer to all of them.
std::optional<Value> parse_json(ByteView text, const ParseLimits& limits);
std::optional<Value> parse_bson(ByteView document, const ParseLimits& limits);
inline std::optional<Value> parse(Encoding encoding, ByteView bytes, const ParseLimits& limits) {
    return encoding == Encoding::json ? parse_json(bytes, limits) : parse_bson(bytes, limits);
}

Bytes write_json(const Value& value);
Bytes write_bson(const Value& object); // the root must be an object
inline Bytes write(Encoding encoding, const Value& object) {
    return encoding == Encoding::json ? write_json(object) : write_bson(object);
}

} // namespace hp::proto
