// SPDX-License-Identifier: Apache-2.0
// A JSON document as plain values, for configuration files only. Parsing is strict and bounded
// (size, nesting, number of values, repeated names) because patch.cfg is written by contracts. The
// parser library stays inside json_value.cpp. Values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hp/base/bytes.hpp"
#include "hp/config/config_io.hpp"

namespace hp::config {

struct JsonMember;

struct JsonValue {
    // integer: not negative and below 2^64. other_number: every other number.
    enum class Kind : std::uint8_t { null, boolean, integer, other_number, string, array, object };

    Kind kind = Kind::null;
    bool boolean = false;
    std::uint64_t integer = 0;
    std::string text; // string: its value; other_number: the number as it was written
    std::vector<JsonValue> items;
    std::vector<JsonMember> members;

    const JsonValue* find(std::string_view name) const; // null when there is no such member
};

struct JsonMember {
    std::string name;
    JsonValue value;
};

struct JsonDocument {
    JsonValue root;
    std::vector<Problem> problems; // the root may be incomplete unless this is empty
};

JsonDocument parse_json(ByteView text, std::size_t bytes_max, std::size_t values_max);

// Paths for people: `parent.name`, `parent[2]`. Names come from the file, so odd ones are quoted
// and long ones cut; a path never contains a line break.
std::string member_path(std::string_view parent, std::string_view name);
std::string item_path(std::string_view parent, std::size_t index);

// `text` in quotes and escaped for a message, cut after some 64 bytes.
std::string in_quotes(std::string_view text);

} // namespace hp::config
