// SPDX-License-Identifier: Apache-2.0
//
// Value to BSON. Lengths are filled in when a document is complete.
//
// Threads: pure functions.
#include "bson_types.hpp"

#include <hp/contract/bson.hpp>

#include <bit>
#include <limits>

namespace hp::contract {
namespace {

using detail::BsonType;

constexpr std::size_t document_bytes_max = std::numeric_limits<std::int32_t>::max();

class BsonWriter {
public:
    Result<Bytes> write(const Value& value) {
        if (value.type() != Value::Type::object)
            return Error(std::errc::invalid_argument, "a BSON document is an object");
        put_object(value.members());
        if (!error_.empty())
            return Error(std::errc::invalid_argument, error_);
        if (out_.size() > document_bytes_max)
            return Error(std::errc::message_size, "a BSON document has less than 2^31 bytes");
        return std::move(out_);
    }

private:
    void put_byte(std::uint8_t byte) { out_.push_back(static_cast<std::byte>(byte)); }

    void put_fixed(std::uint64_t value, std::size_t size) {
        for (std::size_t i = 0; i < size; ++i)
            put_byte(static_cast<std::uint8_t>(value >> (8 * i)));
    }

    // A length of more than 32 bits is cut here; the whole is then too large, which write() sees.
    void put_length(std::size_t length) { put_fixed(length, 4); }

    void put_text(std::string_view text) {
        const BytesView bytes = as_bytes(text);
        out_.insert(out_.end(), bytes.begin(), bytes.end());
        put_byte(0);
    }

    void put_name(std::string_view name) {
        if (name.find('\0') != std::string_view::npos)
            error_ = "a name contains a NUL byte";
        else if (!valid_utf8(name))
            error_ = "a name is not UTF-8";
        put_text(name);
    }

    void put_object(std::span<const Member> members) {
        const std::size_t start = begin_document();
        for (const Member& member : members)
            put_element(member.name, member.value);
        end_document(start);
    }

    void put_array(std::span<const Value> items) {
        const std::size_t start = begin_document();
        for (std::size_t i = 0; i < items.size(); ++i)
            put_element(std::to_string(i), items[i]);
        end_document(start);
    }

    std::size_t begin_document() {
        const std::size_t start = out_.size();
        put_length(0);
        return start;
    }

    void end_document(std::size_t start) {
        put_byte(0);
        const std::size_t size = out_.size() - start;
        for (std::size_t i = 0; i < 4; ++i)
            out_[start + i] = static_cast<std::byte>(size >> (8 * i) & 0xFFU);
    }

    void begin_element(BsonType type, std::string_view name) {
        put_byte(static_cast<std::uint8_t>(type));
        put_name(name);
    }

    void put_element(std::string_view name, const Value& value) {
        switch (value.type()) {
        case Value::Type::null:
            return begin_element(BsonType::null, name);
        case Value::Type::boolean:
            begin_element(BsonType::boolean, name);
            return put_byte(*value.boolean() ? 1 : 0);
        case Value::Type::integer:
            return put_integer(name, *value.integer());
        case Value::Type::number:
            begin_element(BsonType::number, name);
            return put_fixed(std::bit_cast<std::uint64_t>(*value.number()), 8);
        case Value::Type::text:
            begin_element(BsonType::text, name);
            if (!valid_utf8(*value.text()))
                error_ = "a string is not UTF-8";
            put_length(value.text()->size() + 1);
            return put_text(*value.text());
        case Value::Type::binary:
            begin_element(BsonType::binary, name);
            put_length(value.binary()->size());
            put_byte(0); // subtype: generic
            out_.insert(out_.end(), value.binary()->begin(), value.binary()->end());
            return;
        case Value::Type::array:
            begin_element(BsonType::array, name);
            return put_array(value.items());
        case Value::Type::object:
            begin_element(BsonType::object, name);
            return put_object(value.members());
        }
    }

    void put_integer(std::string_view name, std::int64_t value) {
        const bool fits = std::in_range<std::int32_t>(value);
        begin_element(fits ? BsonType::int32 : BsonType::int64, name);
        put_fixed(static_cast<std::uint64_t>(value), fits ? 4 : 8);
    }

    Bytes out_;
    std::string error_;
};

} // namespace

Result<Bytes> encode_bson(const Value& value) {
    return BsonWriter().write(value);
}

std::error_code send_bson(User& user, const Value& value) {
    const Result<Bytes> bytes = encode_bson(value);
    return bytes ? user.send(*bytes) : bytes.error().code;
}

} // namespace hp::contract
