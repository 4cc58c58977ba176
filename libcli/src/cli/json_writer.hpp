// SPDX-License-Identifier: Apache-2.0
// JSON output, one compact line: member order is the order of calls, text is always valid UTF-8,
// integers above 2^53 become strings because most readers would round them. Values; any thread.
#pragma once

#include "hp/base/bytes.hpp"
#include "hp/base/time.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace hp::cli {

std::string json_string(std::string_view text); // malformed bytes become U+FFFD
std::string json_integer(std::uint64_t value);
std::string base64(ByteView bytes);

// Whether text from a contract nests so deeply that a recursive reader could run out of stack.
bool nests_too_deeply(std::string_view json);

class JsonArray {
public:
    void add_raw(std::string_view json);
    void add(std::string_view text) { add_raw(json_string(text)); }
    std::string text() const { return "[" + items_ + "]"; }

private:
    std::string items_;
};

class JsonObject {
public:
    JsonObject& add_raw(std::string_view name, std::string_view json);
    JsonObject& add(std::string_view name, std::string_view text);
    JsonObject& add(std::string_view name, const char* text) {
        return add(name, std::string_view(text));
    }
    JsonObject& add(std::string_view name, std::uint64_t value);
    JsonObject& add(std::string_view name, bool value);
    JsonObject& add(std::string_view name, double value);
    JsonObject& add(std::string_view name, const JsonObject& object) {
        return add_raw(name, object.text());
    }
    JsonObject& add(std::string_view name, const JsonArray& array) {
        return add_raw(name, array.text());
    }

    // `name` as RFC 3339 and `name`_ms as a number.
    JsonObject& add_time(std::string_view name, TimeMs wall_ms);
    // `name`_hex, or `name`_b64 above 1 KiB.
    JsonObject& add_bytes(std::string_view name, ByteView bytes);
    // What a contract said: `name` holds the object, array or text; other bytes as add_bytes.
    JsonObject& add_content(std::string_view name, ByteView content);
    // The other's members, after ours.
    JsonObject& add_all(const JsonObject& other);

    bool empty() const { return members_.empty(); }
    std::string text() const { return "{" + members_ + "}"; }

private:
    std::string members_;
};

// The envelope of every document.
JsonObject document(std::string_view schema);

} // namespace hp::cli
