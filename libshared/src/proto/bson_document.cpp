// SPDX-License-Identifier: Apache-2.0
// BSON form of documents (user-protocol.md 5.2, 5.3).
#include "hp/proto/document.hpp"

#include <bson/bson.h>

#include "hp/base/check.hpp"
#include "hp/base/utf8.hpp"

namespace hp::proto {
namespace {

constexpr int binary_subtype = 0x80; // what clients expect of hashes, keys and content

// How much more of a message may be read.
struct Allowance {
    const ParseLimits& limits;
    std::size_t depth;
    std::size_t& values; // shared by the whole message
};

bool read_members(bson_iter_t& it, Value& parent, Allowance allowance);

bool read_nested(const bson_iter_t& it, Value::Type type, Value& out, Allowance allowance) {
    bson_iter_t inner;
    out.type = type;
    return allowance.depth > 0 && bson_iter_recurse(&it, &inner) &&
           read_members(inner, out, {allowance.limits, allowance.depth - 1, allowance.values});
}

bool read_integer(std::int64_t number, Value& out) {
    if (number < 0) {
        out = Value{.type = Value::Type::number, .text = std::to_string(number)};
    } else {
        out = Value::of(static_cast<std::uint64_t>(number));
    }
    return true;
}

bool read_utf8(const bson_iter_t& it, Value& out) {
    std::uint32_t length = 0;
    const char* text = bson_iter_utf8(&it, &length);
    out = Value::of(std::string_view(text, length));
    return is_utf8(out.text);
}

bool read_binary(const bson_iter_t& it, Value& out) {
    bson_subtype_t subtype = BSON_SUBTYPE_BINARY;
    std::uint32_t length = 0;
    const std::uint8_t* bytes = nullptr;
    bson_iter_binary(&it, &subtype, &length, &bytes);
    out = Value::binary({bytes, length});
    return true;
}

bool read_value(const bson_iter_t& it, Value& out, Allowance allowance) {
    switch (bson_iter_type(&it)) {
    case BSON_TYPE_DOUBLE:
        out = Value{.type = Value::Type::number, .text = std::to_string(bson_iter_double(&it))};
        return true;
    case BSON_TYPE_UTF8:
        return read_utf8(it, out);
    case BSON_TYPE_DOCUMENT:
        return read_nested(it, Value::Type::object, out, allowance);
    case BSON_TYPE_ARRAY:
        return read_nested(it, Value::Type::array, out, allowance);
    case BSON_TYPE_BINARY:
        return read_binary(it, out);
    case BSON_TYPE_BOOL:
        out = Value::of(bson_iter_bool(&it));
        return true;
    case BSON_TYPE_DATE_TIME:
        return read_integer(bson_iter_date_time(&it), out);
    case BSON_TYPE_NULL:
        return true;
    case BSON_TYPE_INT32:
        return read_integer(bson_iter_int32(&it), out);
    case BSON_TYPE_TIMESTAMP: // known but never meaningful: a number nobody accepts
        out = Value{.type = Value::Type::number};
        return true;
    case BSON_TYPE_INT64:
        return read_integer(bson_iter_int64(&it), out);
    default:
        return false; // other element types make the whole message malformed
    }
}

bool read_members(bson_iter_t& it, Value& parent, Allowance allowance) {
    while (bson_iter_next(&it)) {
        Value value;
        if (allowance.values-- == 0 || !read_value(it, value, allowance)) {
            return false;
        }
        if (parent.type == Value::Type::array) {
            parent.items.push_back(std::move(value));
            continue;
        }
        const std::string_view name = bson_iter_key(&it);
        if (parent.members.size() >= limits::message_members_max || parent.find(name) != nullptr) {
            return false;
        }
        parent.add(name, std::move(value));
    }
    return it.err_off == 0; // bson_iter_next also ends on corruption
}

// Keys of array elements are their decimal index.
class IndexKey {
public:
    explicit IndexKey(std::size_t index) {
        length_ = bson_uint32_to_string(static_cast<std::uint32_t>(index), &text_, buffer_,
                                        sizeof buffer_);
    }
    std::string_view view() const { return {text_, length_}; }

private:
    char buffer_[16] = {};
    const char* text_ = nullptr;
    std::size_t length_ = 0;
};

bool write_member(bson_t* out, std::string_view name, const Value& value);

bool write_items(bson_t* out, const std::vector<Value>& items) {
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (!write_member(out, IndexKey(i).view(), items[i])) {
            return false;
        }
    }
    return true;
}

bool write_fields(bson_t* out, const Value& object) {
    for (const auto& [name, value] : object.members) {
        if (!write_member(out, name, value)) {
            return false;
        }
    }
    return true;
}

bool write_integer(bson_t* out, const char* key, int key_length, std::uint64_t number) {
    if (number <= INT32_MAX) {
        return bson_append_int32(out, key, key_length, static_cast<std::int32_t>(number));
    }
    // BSON has no unsigned 64-bit number; nothing the protocol counts gets near this bound.
    const auto clamped = static_cast<std::int64_t>(std::min<std::uint64_t>(number, INT64_MAX));
    return bson_append_int64(out, key, key_length, clamped);
}

bool write_member(bson_t* out, std::string_view name, const Value& value) {
    const char* key = name.data();
    const int key_length = static_cast<int>(name.size());
    const auto bytes = as_bytes(value.text);
    bson_t inner;
    switch (value.type) {
    case Value::Type::null:
        return bson_append_null(out, key, key_length);
    case Value::Type::boolean:
        return bson_append_bool(out, key, key_length, value.boolean);
    case Value::Type::integer:
        return write_integer(out, key, key_length, value.integer);
    case Value::Type::number: // only ever re-encoded by tools; keep it readable
    case Value::Type::string:
        return bson_append_utf8(out, key, key_length, value.text.data(),
                                static_cast<int>(value.text.size()));
    case Value::Type::binary:
    case Value::Type::content:
        return bson_append_binary(out, key, key_length, static_cast<bson_subtype_t>(binary_subtype),
                                  bytes.data(), static_cast<std::uint32_t>(bytes.size()));
    case Value::Type::array:
        return bson_append_array_begin(out, key, key_length, &inner) &&
               write_items(&inner, value.items) && bson_append_array_end(out, &inner);
    case Value::Type::object:
        return bson_append_document_begin(out, key, key_length, &inner) &&
               write_fields(&inner, value) && bson_append_document_end(out, &inner);
    }
    return false;
}

} // namespace

std::optional<Value> parse_bson(ByteView document, const ParseLimits& limits) {
    bson_t view;
    bson_iter_t it;
    // libbson aborts the process on a null pointer, which is what an empty view may hold.
    if (document.empty() || !bson_init_static(&view, document.data(), document.size()) ||
        !bson_iter_init(&it, &view)) {
        return std::nullopt;
    }
    Value root = Value::object();
    std::size_t values = limits.values_max;
    if (!read_members(it, root, {limits, limits.depth_max, values})) {
        return std::nullopt;
    }
    return root;
}

Bytes write_bson(const Value& object) {
    HP_CHECK(object.type == Value::Type::object, "a BSON message is a document");
    bson_t out;
    bson_init(&out);
    const bool written = write_fields(&out, object);
    Bytes bytes(bson_get_data(&out), bson_get_data(&out) + out.len);
    bson_destroy(&out);
    // Appending fails only beyond 2 GiB; the caller's size guard turns an empty message away.
    return written ? bytes : Bytes{};
}

} // namespace hp::proto
